use std::{error::Error as StdError, fmt};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{AttemptId, Facts, Fingerprint, Permit};
use crate::{AccountKey, Credentials, Timestamp, hex::Hex};

const NAME: &str = "enkash-auth record";

/// The format that is written. A newer one is neither read nor overwritten.
const FORMAT: u32 = 1;

/// The most bytes that all sealed tokens of an account take: a record stays under 64 KiB.
const TOKENS: usize = 32 * 1024;

/// Holds the stored data of one account: its facts and its sealed tokens.
///
/// Its encoding is text: a line with the format, one of JSON, and one with a checksum. It contains no
/// plaintext secret.
///
/// ```text
/// enkash-auth record 1
/// {"write":"5d0c…","account":"41c1…","attempts":[…],"cleared":[…],"rejected":[…],"success":{…},"tokens":[…]}
/// sha256 77d0…
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AccountRecord {
    #[serde(flatten)]
    facts: Facts,
    /// Oldest first.
    #[serde(default)]
    tokens: Vec<SealedToken>,
    /// The SHA-256 of the bytes that this record replaced because they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// Fields of a later release.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A token that only the credentials that obtained it can open.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct SealedToken {
    /// The attempt that obtained it.
    id: AttemptId,
    /// The fingerprint of the credentials that sealed it.
    fingerprint: Fingerprint,
    /// When it expires at the latest: nanoseconds since the Unix epoch, on the store's clock.
    expires: u64,
    /// Base64.
    sealed: String,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The JSON object around a record.
#[derive(Deserialize, Serialize)]
struct Envelope<R> {
    /// Fresh with each write, so that no two writes have the same bytes.
    write: AttemptId,
    account: String,
    #[serde(flatten)]
    record: R,
}

/// Represents why a record cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is torn, truncated or altered, or belongs to another account.
    Damaged,
    /// A newer release wrote it, in a format that this release cannot read.
    Newer,
}

impl AccountRecord {
    /// Returns the facts.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the facts, mutably.
    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Creates the record that replaces [damaged](Unreadable::Damaged) `bytes`: it counts two attempts,
    /// which close the account until an operator clears them.
    pub fn in_place_of(bytes: &[u8], now: Timestamp) -> Self {
        Self {
            facts: Facts::unreadable(bytes, now),
            replaces: Some(sha256(bytes)),
            ..Self::default()
        }
    }

    /// Returns the newest token that `credentials` sealed, still sealed, and the attempt that obtained it.
    pub fn token(&self, credentials: &Credentials) -> Option<(AttemptId, Vec<u8>)> {
        let mut tokens = self.tokens.iter().rev();
        let token = tokens.find(|token| credentials.matches(&token.fingerprint))?;
        let sealed = BASE64_STANDARD_NO_PAD.decode(&token.sealed).ok()?;
        Some((token.id, sealed))
    }

    /// Keeps the token that the attempt of `permit` obtained, in place of older ones of the same
    /// `credentials`. It expires at `expires`, in nanoseconds since the Unix epoch on the store's clock.
    pub fn keep_token(
        &mut self,
        permit: &Permit,
        credentials: &Credentials,
        sealed: &[u8],
        expires: u64,
        now: Timestamp,
    ) {
        self.tokens.retain(|token| {
            token.expires > now.unix_nanos() && !credentials.matches(&token.fingerprint)
        });
        self.tokens.push(SealedToken {
            id: permit.id,
            fingerprint: permit.fingerprint,
            expires,
            sealed: BASE64_STANDARD_NO_PAD.encode(sealed),
            other: Map::new(),
        });
        let size = |tokens: &[SealedToken]| -> usize {
            tokens.iter().map(|token| token.sealed.len()).sum()
        };
        while size(&self.tokens) > TOKENS {
            self.tokens.remove(0);
        }
    }

    /// Encodes the record of `account`. `write` is fresh for each write: 16 random bytes.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON, which is not expected.
    pub fn to_bytes(
        &self,
        account: AccountKey,
        write: [u8; 16],
    ) -> Result<Vec<u8>, serde_json::Error> {
        let envelope = Envelope {
            write: AttemptId::new(write),
            account: format!("{account:x}"),
            record: self,
        };
        let json = serde_json::to_string(&envelope)?;
        let sum = sha256(json.as_bytes());
        Ok(format!("{NAME} {FORMAT}\n{json}\nsha256 {sum}\n").into_bytes())
    }

    /// Reads the record of `account`.
    ///
    /// # Errors
    ///
    /// If it cannot be used, not even in part.
    pub fn from_bytes(account: AccountKey, bytes: &[u8]) -> Result<Self, Unreadable> {
        // Only the first line: in another format, anything may follow it.
        let mut lines = bytes.splitn(2, |byte| *byte == b'\n').map(str::from_utf8);
        let (Some(Ok(line)), Some(rest)) = (lines.next(), lines.next()) else {
            return Err(Unreadable::Damaged);
        };
        let format = line
            .strip_prefix(NAME)
            .and_then(|line| line.strip_prefix(' '));
        match format.map(str::parse::<u32>) {
            Some(Ok(FORMAT)) => {}
            Some(Ok(newer)) if newer > FORMAT => return Err(Unreadable::Newer),
            _ => return Err(Unreadable::Damaged),
        }
        let record = rest.ok().and_then(|rest| Self::read(account, rest));
        record.ok_or(Unreadable::Damaged)
    }

    fn read(account: AccountKey, text: &str) -> Option<Self> {
        let (json, sum) = text.strip_suffix('\n')?.split_once("\nsha256 ")?;
        if sum != sha256(json.as_bytes()) {
            return None;
        }
        let envelope: Envelope<Self> = serde_json::from_str(json).ok()?;
        let mut record = envelope.record;
        // Sorted, within the bounds, and each id once.
        let facts = std::mem::take(&mut record.facts);
        record.facts.merge(&facts);
        (envelope.account == format!("{account:x}")).then_some(record)
    }
}

fn sha256(bytes: &[u8]) -> String {
    Hex::<32>(Sha256::digest(bytes).into()).to_string()
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the account record is damaged",
            Self::Newer => "the account record was written by a newer release",
        })
    }
}

impl StdError for Unreadable {}
