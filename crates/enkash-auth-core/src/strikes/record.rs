//! A ledger as text: a line for each thing in it, so that a person can read it, and a checksum.
//!
//! ```text
//! enkash-auth ledger 1
//! account 41c1…
//! salt 90aa…
//! attempts 7
//! rejected 5 c2fe… credentials
//! refused 3 77ab… credentials
//! possible 7 1767268800000000000
//! lease 8315270921 4 7 1767268800000000000 1767268812000000000
//! heard 5d0c… 3
//! sha256 77d0…
//! ```

use std::{error::Error as StdError, fmt, fmt::Write};

use sha2::{Digest, Sha256};

use super::{
    Holder, Ledger,
    budget::{Possible, Rejected},
    ledger::Lease,
};
use crate::{AccountId, ErrorKind, Fingerprint, hex};

const NAME: &str = "enkash-auth ledger";
const VERSION: u32 = 1;

/// Why a record cannot be used.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{BaseUrl, Credentials, strikes::{Ledger, Unreadable}};
///
/// let base: BaseUrl = "https://api.enkash.in".parse()?;
/// let account = Credentials::merchant("key", "secret").account(&base);
/// let newer = "enkash-auth ledger 2\nwho knows\n";
/// assert_eq!(Ledger::from_record(account, newer).unwrap_err(), Unreadable::Version);
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is torn, truncated or was changed.
    Damaged,
    /// It is that of another account, or of other credentials.
    Foreign,
    /// It is of a version that this one does not know.
    Version,
    /// It says that it was written in the future, or is valid for longer than anything is.
    Time,
}

impl Ledger {
    /// The record of this ledger, which is that of `account`.
    pub fn to_record(&self, account: AccountId) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(account, &mut text);
        let sum = Sha256::digest(&text);
        text.push_str("sha256 ");
        let _ = hex::write(&sum, &mut text);
        text.push('\n');
        text
    }

    /// Reads the record of `account`.
    ///
    /// # Errors
    ///
    /// Where it cannot be used: then nothing of it is believed.
    pub fn from_record(account: AccountId, record: &str) -> Result<Self, Unreadable> {
        let first = record.lines().next().unwrap_or_default();
        let version = first.strip_prefix(NAME).ok_or(Unreadable::Damaged)?;
        if version.trim_start().parse() != Ok(VERSION) {
            return Err(Unreadable::Version);
        }
        let (ledger, written_for) = read(record).ok_or(Unreadable::Damaged)?;
        if written_for != account {
            return Err(Unreadable::Foreign);
        }
        Ok(ledger)
    }

    fn write(&self, account: AccountId, to: &mut String) -> fmt::Result {
        let Self {
            salt,
            strikes,
            lease,
            heard,
        } = self;
        writeln!(to, "{NAME} {VERSION}\naccount {account:x}")?;
        to.push_str("salt ");
        hex::write(salt, to)?;
        writeln!(to, "\nattempts {}", strikes.attempts)?;
        let rejected = strikes.rejected.iter().map(|strike| ("rejected", strike));
        let refused = strikes.pardoned.iter().map(|strike| ("refused", strike));
        for (name, strike) in rejected.chain(refused) {
            let Rejected {
                attempt,
                newest,
                fingerprint,
                kind,
            } = strike;
            let what = match kind {
                ErrorKind::AccountLocked => "account",
                _ => "credentials",
            };
            write!(to, "{name} {attempt} {fingerprint:x} {what}")?;
            match newest {
                newest if newest == attempt => writeln!(to)?,
                newest => writeln!(to, " {newest}")?,
            }
        }
        for Possible { attempt, at, back } in &strikes.possible {
            write!(to, "possible {attempt} {at}")?;
            match back {
                Some(back) => writeln!(to, " {back}")?,
                None => writeln!(to)?,
            }
        }
        if let Some(proven) = strikes.proven {
            writeln!(to, "proven {proven:x}")?;
        }
        if let Some(lease) = lease {
            let (Holder { cache, flight }, attempt) = (lease.holder, lease.attempt);
            let Lease { begun, end, .. } = lease;
            writeln!(to, "lease {cache} {flight} {attempt} {begun} {end}")?;
        }
        for (era, number) in heard {
            to.push_str("heard ");
            hex::write(era, to)?;
            writeln!(to, " {number}")?;
        }
        Ok(())
    }
}

/// The ledger, and whose it is. `None` where anything in it is not as it was written.
fn read(record: &str) -> Option<(Ledger, AccountId)> {
    let (text, sum) = record.strip_suffix('\n')?.rsplit_once("\nsha256 ")?;
    let digest: [u8; 32] = Sha256::new()
        .chain_update(text)
        .chain_update("\n")
        .finalize()
        .into();
    if hex::read(sum) != Some(digest) {
        return None;
    }
    let mut lines = text.lines().skip(1);
    let account = AccountId::from_hex(lines.next()?.strip_prefix("account ")?)?;
    let mut ledger = Ledger::new(hex::read(lines.next()?.strip_prefix("salt ")?)?);
    ledger.strikes.attempts = lines.next()?.strip_prefix("attempts ")?.parse().ok()?;
    lines.try_for_each(|line| entry(&mut ledger, line))?;
    Some((ledger, account))
}

fn entry(ledger: &mut Ledger, line: &str) -> Option<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let strikes = &mut ledger.strikes;
    match *words.as_slice() {
        ["rejected", attempt, fingerprint, what, ref newest @ ..] => {
            let strike = rejected(attempt, fingerprint, what, newest)?;
            strikes.rejected.push(strike);
        }
        ["refused", attempt, fingerprint, what, ref newest @ ..] => {
            let strike = rejected(attempt, fingerprint, what, newest)?;
            strikes.pardoned.push(strike);
        }
        ["possible", attempt, at, ref back @ ..] => strikes.possible.push(Possible {
            attempt: attempt.parse().ok()?,
            at: at.parse().ok()?,
            back: match back {
                [] => None,
                [back] => Some(back.parse().ok()?),
                _ => return None,
            },
        }),
        ["heard", era, number] => ledger.heard.push((hex::read(era)?, number.parse().ok()?)),
        ["proven", fingerprint] => strikes.proven = Some(Fingerprint::from_hex(fingerprint)?),
        ["lease", cache, flight, attempt, begun, end] => {
            ledger.lease = Some(Lease {
                holder: Holder::new(cache.parse().ok()?, flight.parse().ok()?),
                attempt: attempt.parse().ok()?,
                begun: begun.parse().ok()?,
                end: end.parse().ok()?,
            });
        }
        _ => return None,
    }
    Some(())
}

fn rejected(attempt: &str, fingerprint: &str, what: &str, newest: &[&str]) -> Option<Rejected> {
    let attempt = attempt.parse().ok()?;
    Some(Rejected {
        attempt,
        newest: match newest {
            [] => attempt,
            [newest] => newest.parse().ok()?,
            _ => return None,
        },
        fingerprint: Fingerprint::from_hex(fingerprint)?,
        kind: match what {
            "credentials" => ErrorKind::Rejected,
            "account" => ErrorKind::AccountLocked,
            _ => return None,
        },
    })
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is damaged",
            Self::Foreign => "it belongs to another account or to other credentials",
            Self::Version => "it is of an unknown version",
            Self::Time => "its times make no sense",
        })
    }
}

impl StdError for Unreadable {}
