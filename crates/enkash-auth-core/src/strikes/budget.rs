use std::{fmt, time::Duration};

use super::{Attempt, Settlement, budget_spent, refused_before};
use crate::{Error, ErrorKind, Fingerprint, Moment};

/// No attempt while so many are on the record: one less than locks the account, by the documentation of
/// three of the platform's products.
pub const BUDGET: usize = 2;

/// So many of each kind are remembered, the newest: a record has an end, and no account comes near it.
const REMEMBERED: usize = 16;

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
/// let old = Credentials::merchant("key", "old secret").ledger_fingerprint(&[0; 32]);
/// let attempt = strikes.begin(old, now, None)?;
/// strikes.settle(attempt, Settlement::Rejected(ErrorKind::Rejected));
///
/// // Never again with these; at once with others.
/// assert_eq!(strikes.begin(old, now, None).unwrap_err().kind(), ErrorKind::Rejected);
/// let new = Credentials::merchant("key", "new secret").ledger_fingerprint(&[0; 32]);
/// assert!(strikes.begin(new, now, None).is_ok());
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Strikes {
    /// Definite ones: the credentials that were refused, and how.
    pub(super) rejected: Vec<Rejected>,
    /// Those refused before others succeeded, the newest at the end: no strikes any more, and no
    /// better than they were.
    pub(super) pardoned: Vec<Rejected>,
    /// Possible ones, oldest first: attempts that are on, or ended with nobody knowing how.
    pub(super) possible: Vec<Possible>,
    /// The credentials that succeeded last.
    pub(super) proven: Option<Fingerprint>,
    pub(super) attempts: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Rejected {
    pub(super) attempt: u64,
    /// The newest attempt that had begun when this refusal was told. If that is a later one, the server
    /// may have seen them in either order.
    pub(super) newest: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) kind: ErrorKind,
}

#[derive(Clone, Copy)]
pub(super) struct Possible {
    pub(super) attempt: u64,
    /// Nanoseconds since the Unix epoch: the record outlives every monotonic clock.
    pub(super) at: u64,
    /// The earliest reading since of a clock that was set back, for as long as it stands before `at`.
    pub(super) back: Option<u64>,
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
        for strike in &mut self.possible {
            strike.look(now);
        }
        self.admit(fingerprint, now, retry_unresolved_after)?;
        Ok(self.record(fingerprint, now))
    }

    pub(super) fn record(&mut self, fingerprint: Fingerprint, now: Moment) -> Attempt {
        self.record_possible(now);
        Attempt {
            number: self.attempts,
            fingerprint,
            proven: self.proven == Some(fingerprint),
        }
    }

    /// Records an attempt of which nothing is known but that there may have been one.
    pub(super) fn record_possible(&mut self, now: Moment) {
        self.attempts = self.attempts.saturating_add(1);
        let possible = Possible {
            attempt: self.attempts,
            at: now.unix_nanos(),
            back: None,
        };
        remember(&mut self.possible, possible);
    }

    /// Settles `attempt`. A refusal counts however late it comes, and once.
    pub fn settle(&mut self, attempt: Attempt, settlement: Settlement) {
        match settlement {
            Settlement::Granted => {
                // What began later is still on, or ended after this: the server may count it.
                self.pardon(attempt);
                self.possible
                    .retain(|strike| strike.attempt > attempt.number);
                if self.refusal(attempt.fingerprint).is_none() {
                    self.proven = Some(attempt.fingerprint);
                }
            }
            Settlement::Rejected(kind) => {
                self.forgive(attempt);
                self.rejected
                    .retain(|strike| strike.attempt != attempt.number);
                let rejected = Rejected {
                    attempt: attempt.number,
                    newest: self.attempts,
                    fingerprint: attempt.fingerprint,
                    kind,
                };
                remember(&mut self.rejected, rejected);
                self.proven.take_if(|proven| *proven == attempt.fingerprint);
            }
            Settlement::Harmless => self.forgive(attempt),
            Settlement::Interrupted if attempt.proven => self.forgive(attempt),
            Settlement::Interrupted | Settlement::Unresolved => {}
        }
    }

    /// Forgets every strike: an operator has seen to the account.
    pub fn reset(&mut self) {
        self.reset_but(None);
    }

    /// Forgets every strike but the mark of the attempt number `on`: how it ends is not known yet.
    pub(super) fn reset_but(&mut self, on: Option<u64>) {
        self.rejected.clear();
        self.pardoned.clear();
        self.possible.retain(|strike| Some(strike.attempt) == on);
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
        if let Some(refused) = self.refusal(fingerprint) {
            return Err(refused_before(refused.kind));
        }
        if self.rejected.len() + self.possible.len() < BUDGET {
            return Ok(());
        }
        if let Some(refused) = self.rejected.last() {
            return Err(budget_spent(refused.kind));
        }
        let passed = self.possible.iter().map(|strike| strike.age(now)).min();
        let passed = Duration::from_nanos(passed.unwrap_or(0));
        let left = retry_unresolved_after.map(|after| after.saturating_sub(passed));
        if left == Some(Duration::ZERO) {
            // Still two at most: the oldest give way to the one that begins.
            let surplus = self.possible.len().saturating_sub(BUDGET - 1);
            self.possible.drain(..surplus);
            return Ok(());
        }
        let error = Error::new(
            ErrorKind::Unresolved,
            "nobody knows how the last attempts ended, and one more could lock the account; nothing was sent",
        );
        Err(match left {
            Some(left) => error.with_retry_after(left),
            None => error,
        })
    }

    fn refusal(&self, fingerprint: Fingerprint) -> Option<&Rejected> {
        self.rejected
            .iter()
            .chain(&self.pardoned)
            .find(|refused| refused.fingerprint == fingerprint)
    }

    /// `attempt` has succeeded: refusals before it count no more. Whoever still has credentials that
    /// were refused must not send them again for that.
    fn pardon(&mut self, attempt: Attempt) {
        let of_others = |refused: &Rejected| refused.fingerprint != attempt.fingerprint;
        let is_before = |refused: &Rejected| refused.newest < attempt.number;
        self.pardoned
            .retain(|old| of_others(old) || !is_before(old));
        for refused in self.rejected.extract_if(.., |refused| is_before(refused)) {
            if of_others(&refused) {
                remember(&mut self.pardoned, refused);
            }
        }
    }

    fn forgive(&mut self, attempt: Attempt) {
        self.possible
            .retain(|strike| strike.attempt != attempt.number);
    }
}

/// Adds `newest` to `list`, which the oldest leaves where it is full.
pub(super) fn remember<T>(list: &mut Vec<T>, newest: T) {
    let surplus = list.len().saturating_sub(REMEMBERED - 1);
    list.drain(..surplus);
    list.push(newest);
}

impl Possible {
    /// Where the clock was set back, the strike is no older than that: it must neither keep the
    /// account closed for longer, nor for a shorter time once the clock is right again.
    fn look(&mut self, now: Moment) {
        let now = now.unix_nanos();
        self.back = (now < self.at).then(|| self.back.map_or(now, |back| back.min(now)));
    }

    fn age(&self, now: Moment) -> u64 {
        now.unix_nanos()
            .saturating_sub(self.back.unwrap_or(self.at))
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
