//! How often a password may be tried before the server locks the account.
//!
//! The server locks at three failed attempts in a row (three products document it). Here an account
//! stops at two: attempts known to be refused, and attempts of which nobody knows.

use std::{fmt, time::Duration};

use crate::{Error, ErrorKind, Fingerprint, Moment};

/// No attempt while so many are on the record: one less than locks the account.
const BUDGET: usize = 2;

/// The attempts of one account that count, or may count, against it.
///
/// An attempt is recorded *before* its password is sent and settled after: a process that is killed
/// in between has left its mark.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, ErrorKind, Moment, strikes::{Settlement, Strikes}};
///
/// let (mut strikes, now) = (Strikes::default(), Moment::new(0, 0));
/// let old = Credentials::merchant("key", "old secret").fingerprint(&[0; 32]);
/// let attempt = strikes.begin(old, now, None)?;
/// strikes.settle(attempt, Settlement::Rejected(ErrorKind::Rejected));
///
/// // Never again with these; at once with others.
/// assert_eq!(strikes.begin(old, now, None).unwrap_err().kind(), ErrorKind::Rejected);
/// let new = Credentials::merchant("key", "new secret").fingerprint(&[0; 32]);
/// assert!(strikes.begin(new, now, None).is_ok());
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Strikes {
    /// Definite ones: the credentials that were refused, and how.
    rejected: Vec<(Fingerprint, ErrorKind)>,
    /// Possible ones, oldest first: attempts that are on, or ended with nobody knowing how.
    possible: Vec<Possible>,
    /// The credentials that succeeded last.
    proven: Option<Fingerprint>,
    attempts: u64,
}

#[derive(Clone, Copy)]
struct Possible {
    attempt: u64,
    at: Moment,
}

/// Leave to send a password once.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Moment, strikes::{Settlement, Strikes}};
///
/// let (mut strikes, now) = (Strikes::default(), Moment::new(0, 0));
/// let keys = Credentials::merchant("key", "secret").fingerprint(&[0; 32]);
/// let attempt = strikes.begin(keys, now, None)?;
/// assert!(!attempt.is_proven());
/// strikes.settle(attempt, Settlement::Granted);
/// assert!(strikes.begin(keys, now, None)?.is_proven());
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    number: u64,
    fingerprint: Fingerprint,
    proven: bool,
}

/// How an attempt ended, as far as the account's budget goes.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Error, ErrorKind, strikes::Settlement};
///
/// let refused = Error::new(ErrorKind::Rejected, "status 400");
/// assert_eq!(Settlement::of_answer(&refused), Settlement::Rejected(ErrorKind::Rejected));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an attempt ends in no other way")]
pub enum Settlement {
    /// With a token: all before it is forgotten.
    Granted,
    /// The server refused the credentials: [`ErrorKind::Rejected`] or [`ErrorKind::AccountLocked`].
    Rejected(ErrorKind),
    /// Nothing was sent, or the server did not come to look at the password.
    Harmless,
    /// With an answer that says neither yes nor no.
    Unresolved,
    /// Without an answer, after the password may have been sent.
    Interrupted,
}

impl Strikes {
    /// Records an attempt with the credentials of `fingerprint`, and gives leave to make it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Rejected`] or [`ErrorKind::AccountLocked`] where these very credentials were
    /// refused before, or two attempts are on the record and one of them was refused;
    /// [`ErrorKind::Unresolved`] where nobody knows of either, until `retry_unresolved_after` has
    /// passed since the last.
    pub fn begin(
        &mut self,
        fingerprint: Fingerprint,
        now: Moment,
        retry_unresolved_after: Option<Duration>,
    ) -> Result<Attempt, Error> {
        self.admit(fingerprint, now, retry_unresolved_after)?;
        self.attempts += 1;
        self.possible.push(Possible {
            attempt: self.attempts,
            at: now,
        });
        Ok(Attempt {
            number: self.attempts,
            fingerprint,
            proven: self.proven == Some(fingerprint),
        })
    }

    /// Settles `attempt`. A refusal counts however late it comes.
    pub fn settle(&mut self, attempt: Attempt, settlement: Settlement) {
        match settlement {
            Settlement::Granted => {
                self.rejected.clear();
                // What began later is still on, or ended after this: the server may count it.
                self.possible
                    .retain(|strike| strike.attempt > attempt.number);
                self.proven = Some(attempt.fingerprint);
            }
            Settlement::Rejected(kind) => {
                self.forgive(attempt);
                self.rejected.push((attempt.fingerprint, kind));
                self.proven.take_if(|proven| *proven == attempt.fingerprint);
            }
            Settlement::Harmless => self.forgive(attempt),
            Settlement::Interrupted if attempt.proven => self.forgive(attempt),
            Settlement::Interrupted | Settlement::Unresolved => {}
        }
    }

    /// Forgets every strike: an operator has seen to the account.
    pub fn reset(&mut self) {
        self.rejected.clear();
        self.possible.clear();
    }

    /// Attempts that were refused.
    pub fn definite(&self) -> usize {
        self.rejected.len()
    }

    /// Attempts that are on, or of which nobody knows.
    pub fn possible(&self) -> usize {
        self.possible.len()
    }

    fn admit(
        &mut self,
        fingerprint: Fingerprint,
        now: Moment,
        retry_unresolved_after: Option<Duration>,
    ) -> Result<(), Error> {
        let refused = self
            .rejected
            .iter()
            .find(|(refused, _)| *refused == fingerprint);
        if let Some((_, kind)) = refused {
            return Err(Error::new(
                *kind,
                "these credentials were refused before; nothing was sent",
            ));
        }
        if self.rejected.len() + self.possible.len() < BUDGET {
            return Ok(());
        }
        if let Some((_, kind)) = self.rejected.last() {
            return Err(Error::new(
                *kind,
                "one more attempt could lock the account; nothing was sent",
            ));
        }
        let since = self.possible.last().map(|strike| strike.at);
        let again = since
            .zip(retry_unresolved_after)
            .map(|(at, after)| at.plus(after));
        if again.is_some_and(|again| again.is_over(now)) {
            // Still two at most: the oldest gives way to the one that begins.
            self.possible.remove(0);
            return Ok(());
        }
        let error = Error::new(
            ErrorKind::Unresolved,
            "nobody knows how the last attempts ended, and one more could lock the account; nothing was sent",
        );
        Err(match again {
            Some(again) => error.with_retry_after(again.remaining(now)),
            None => error,
        })
    }

    fn forgive(&mut self, attempt: Attempt) {
        self.possible
            .retain(|strike| strike.attempt != attempt.number);
    }
}

impl fmt::Debug for Strikes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strikes")
            .field("definite", &self.definite())
            .field("possible", &self.possible())
            .finish_non_exhaustive()
    }
}

impl Attempt {
    /// Counts the attempts of an account, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether these credentials were the last to succeed.
    pub fn is_proven(&self) -> bool {
        self.proven
    }
}

impl Settlement {
    /// What a complete answer that ended with `error` settles.
    pub fn of_answer(error: &Error) -> Self {
        match error.kind() {
            kind if kind.is_rejection() => Self::Rejected(kind),
            ErrorKind::Forbidden | ErrorKind::Unresolved => Self::Unresolved,
            _ => Self::Harmless,
        }
    }
}
