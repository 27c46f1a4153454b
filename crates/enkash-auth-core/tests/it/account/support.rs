use std::time::Duration;

use enkash_auth_core::{
    AccountKey, Client, Credentials, FailureKind, Timestamp, User,
    account::{Acquire, AttemptContext, AttemptId, AttemptOutcome, Facts, Permit, Witness},
};

use crate::support::{SENT, secs};

pub(super) const LEASE: Duration = secs(14);
pub(super) const REJECTED: AttemptOutcome = AttemptOutcome::Rejected { guessed: false };
pub(super) const GUESSED: AttemptOutcome = AttemptOutcome::Rejected { guessed: true };
pub(super) const LOST: AttemptOutcome = AttemptOutcome::Unresolved { complete: false };
pub(super) const UNCLEAR: AttemptOutcome = AttemptOutcome::Unresolved { complete: true };

pub(super) fn credentials(password: &str) -> Credentials {
    Credentials::password(Client::new("id", "secret"), User::new("user", password))
}

pub(super) fn account() -> AccountKey {
    credentials("").account(&"https://api.enkash.in".parse().expect("a base address"))
}

pub(super) fn id(n: u8) -> AttemptId {
    AttemptId::new([n; 16])
}

/// The facts of one account, the witness of one process, and the time.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) facts: Facts,
    pub(super) witness: Witness,
    pub(super) now: Timestamp,
    next: u8,
}

impl Account {
    pub(super) fn new() -> Self {
        Self {
            facts: Facts::default(),
            witness: Witness::default(),
            now: SENT,
            next: 0,
        }
    }

    /// An account whose last success used `password`.
    pub(super) fn known_good(password: &str) -> Self {
        let mut account = Self::new();
        account.attempt(password, AttemptOutcome::Granted);
        account
    }

    /// An account that two rejections have closed.
    pub(super) fn closed() -> Self {
        let mut account = Self::new();
        account.attempt("x", REJECTED);
        account.attempt("y", REJECTED);
        account
    }

    pub(super) fn skip_ids(&mut self, to: u8) {
        self.next = to;
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    pub(super) fn try_acquire(&mut self, password: &str, probe: Option<bool>) -> Acquire {
        self.witness.see(&self.facts, self.now);
        self.next += 1;
        let ctx = AttemptContext {
            id: id(self.next),
            salt: [self.next; 16],
            credentials: &credentials(password),
            lease: LEASE,
            retry_unresolved_after: None,
            probe,
        };
        self.facts.acquire(&ctx, &self.witness, self.now)
    }

    pub(super) fn acquire(&mut self, password: &str) -> Permit {
        match self.try_acquire(password, Some(true)) {
            Acquire::Granted(permit) => permit,
            other => panic!("not granted: {other:?}"),
        }
    }

    pub(super) fn end(&mut self, permit: &Permit, outcome: AttemptOutcome) -> bool {
        self.facts.record_outcome(permit, outcome, self.now)
    }

    /// Makes an attempt with this outcome.
    pub(super) fn attempt(&mut self, password: &str, outcome: AttemptOutcome) -> Permit {
        let permit = self.acquire(password);
        assert!(self.end(&permit, outcome));
        permit
    }

    /// Whether an attempt with `password` would be allowed.
    pub(super) fn verdict(&self, password: &str) -> Verdict {
        self.verdict_after(password, None)
    }

    /// The same with the result of a probe.
    pub(super) fn verdict_after(&self, password: &str, probe: Option<bool>) -> Verdict {
        match self.clone().try_acquire(password, probe) {
            Acquire::Granted(_) => Verdict::Granted,
            Acquire::Probe => Verdict::Probe,
            Acquire::Busy(_) => Verdict::Busy,
            Acquire::Denied(error) => Verdict::Denied(error.kind()),
        }
    }

    pub(super) fn reset(&mut self, allow_rejected: bool) -> bool {
        self.reset_of(&self.facts.clone(), allow_rejected)
    }

    /// Continues a reset that was requested when the facts were these.
    pub(super) fn reset_of(&mut self, before: &Facts, allow_rejected: bool) -> bool {
        self.witness.see(&self.facts, self.now);
        self.facts
            .reset(before, allow_rejected, &self.witness, self.now)
    }

    pub(super) fn counted(&self) -> usize {
        self.facts.attempts().len()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Granted,
    Probe,
    Busy,
    Denied(FailureKind),
}

pub(super) const CLOSED: Verdict = Verdict::Denied(FailureKind::AccountClosed);
pub(super) const REJECTED_BEFORE: Verdict = Verdict::Denied(FailureKind::Rejected);
pub(super) const UNAVAILABLE: Verdict = Verdict::Denied(FailureKind::Unavailable);
