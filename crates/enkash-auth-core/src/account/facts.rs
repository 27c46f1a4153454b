use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Acquire, Attempt, AttemptContext, AttemptId, AttemptOutcome, Fingerprint, Permit, Witness,
    acquire, attempt::State, cleared::Cleared,
};
use crate::{Credentials, Timestamp, few::Few};

/// No attempt begins while this many count: the server locks the account at the third that fails, according
/// to the documentation of three of the platform's products.
pub const BUDGET: usize = 2;

/// How many rejected fingerprints are stored, the newest.
const REJECTED: usize = 16;

/// How many attempts that count are stored: the newest, and any open ones in addition.
const ATTEMPTS: usize = 64;

/// The backoff of known good credentials after more than one attempt without a response.
const KNOWN_GOOD_BACKOFF: Duration = Duration::from_secs(15 * 60);

/// Records which attempts of one account count, which were cleared, rejected, and the last that succeeded.
///
/// Each item is a fact about one id, so the facts of two processes [merge](Self::merge) whatever
/// their age: an attempt counts unless its id was cleared.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// The attempts that count, oldest first.
    attempts: Few<Attempt>,
    cleared: Cleared,
    /// The credentials that were rejected, oldest first.
    rejected: Few<Rejected>,
    success: Option<Success>,
}

/// Credentials that are never sent again until an operator allows it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Rejected {
    id: AttemptId,
    fingerprint: Fingerprint,
    at: u64,
    /// Whether this follows from the shape of the response alone.
    guessed: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The last success.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Success {
    id: AttemptId,
    fingerprint: Fingerprint,
    /// Whether the server has responded to a probe since.
    probed: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Facts {
    /// Returns the facts that replace a record that cannot be read: two attempts that stay until an
    /// operator clears them. Their ids follow from its `bytes`, so that two processes count the same two.
    pub(super) fn unreadable(bytes: &[u8], now: Timestamp) -> Self {
        let mut facts = Self::default();
        for purpose in [b"unreadable 1", b"unreadable 2"] {
            let id = AttemptId::of(purpose, bytes);
            let none = Fingerprint::new([0; 16], [0; 32]);
            facts.add_ended(id, none, State::Unresolved, now);
        }
        facts.tidy();
        facts
    }

    /// Returns the attempts that count, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Returns how many of the attempts that count were rejected.
    pub fn rejected_attempts(&self) -> usize {
        let states = self.attempts.iter().map(|attempt| attempt.state);
        states.filter(|state| *state >= State::Guessed).count()
    }

    /// Returns whether no attempt counts and no credentials are rejected.
    pub fn is_quiet(&self) -> bool {
        self.attempts.is_empty() && self.rejected.is_empty()
    }

    /// Returns whether the last success used `credentials`, and they were not rejected since.
    pub fn is_known_good(&self, credentials: &Credentials) -> bool {
        self.known_good(credentials).is_some() && !self.has_rejected(credentials)
    }

    /// Merges `other` into these facts. Of two states of one attempt the later is kept. The success of
    /// `other` is used only if these have none, or one that was replaced.
    pub fn merge(&mut self, other: &Self) {
        self.cleared.merge(&other.cleared);
        for rejected in other.rejected.iter() {
            self.add_rejected(rejected.clone());
        }
        for attempt in other.attempts.iter() {
            self.add_attempt(attempt.clone());
        }
        self.success
            .take_if(|success| self.cleared.has_fingerprint(success.id));
        if let Some(theirs) = &other.success {
            let own = self.success.get_or_insert_with(|| theirs.clone());
            own.probed |= own.id == theirs.id && theirs.probed;
        }
        self.tidy();
    }

    /// Begins an attempt, if the budget allows it. The permit holds once these facts are written.
    ///
    /// `witness` decides which leases have passed at `now`, whose wall clock is the store's.
    pub fn acquire(
        &mut self,
        ctx: &AttemptContext<'_>,
        witness: &Witness,
        now: Timestamp,
    ) -> Acquire {
        for attempt in self.attempts.iter_mut() {
            if attempt.is_open() && !witness.is_lease_on(attempt, now) {
                attempt.state = State::NoResponse;
            }
        }
        if self.has_rejected(ctx.credentials) {
            return acquire::rejected_before();
        }
        if let Some(open) = self.attempts.iter().rfind(|attempt| attempt.is_open()) {
            return Acquire::Busy(Some(witness.lease(open, now)));
        }
        let attempts = self.attempts.iter();
        let age = attempts.map(|attempt| witness.age(attempt, now)).min();
        let known_good = self.known_good(ctx.credentials);
        let are_lost = self.attempts.iter().all(|attempt| {
            attempt.state == State::NoResponse && ctx.credentials.matches(&attempt.fingerprint)
        });
        let denied = if known_good.is_some() && are_lost {
            age.and_then(|age| self.after_lost_attempts(ctx, age))
        } else {
            self.check_budget(ctx, age)
        };
        if let Some(denied) = denied {
            return denied;
        }
        // The server may process it after that success. Attempts of the same credentials are no exception:
        // the password may change in between.
        let attempts = self.attempts.iter();
        let ends = attempts.filter(|attempt| !witness.may_arrive(attempt, now));
        let (id, fingerprint) = (ctx.id, ctx.credentials.fingerprint(ctx.salt));
        let permit = Permit {
            id,
            fingerprint,
            ends: ends.map(Attempt::id).collect(),
            known_good,
        };
        let attempt = Attempt::new(id, fingerprint, now, ctx.lease, State::Open);
        self.attempts.push(attempt);
        self.tidy();
        Acquire::Granted(permit)
    }

    /// Applies the rule for known good credentials if all attempts that count used them and had no response,
    /// the newest `age` ago: instead of the budget, a response to a probe, and a backoff.
    fn after_lost_attempts(&mut self, ctx: &AttemptContext<'_>, age: Duration) -> Option<Acquire> {
        let success = self.success.as_mut()?;
        let has_waited = age >= KNOWN_GOOD_BACKOFF;
        if self.attempts.len() > 1 && !has_waited {
            return Some(acquire::backoff_after_lost_attempts());
        }
        match ctx.probe {
            None => return Some(Acquire::Probe),
            Some(true) => success.probed = true,
            // A server that has responded to no probe since the last success may not support them.
            Some(false) if !success.probed && has_waited => {}
            Some(false) => return Some(acquire::no_probe_response()),
        }
        None
    }

    /// Denies the attempt unless fewer than two others count, the newest of which is `age` old.
    fn check_budget(&self, ctx: &AttemptContext<'_>, age: Option<Duration>) -> Option<Acquire> {
        let mut attempts = self.attempts.iter();
        if attempts.any(|attempt| attempt.state == State::Locked) {
            return Some(acquire::locked());
        }
        let rejected = self.rejected_attempts();
        let retry_after = ctx.retry_unresolved_after.filter(|_| rejected == 0);
        let may_retry = retry_after.is_some_and(|after| age >= Some(after));
        let is_closed = self.attempts.len() >= BUDGET && !may_retry;
        is_closed.then(|| acquire::closed(rejected))
    }

    /// Records how the attempt of `permit` ended. Returns whether it was still the open attempt of the
    /// record: otherwise its success clears that attempt alone, and its token must not be kept.
    ///
    /// A rejection counts once, however late it is reported.
    pub fn record_outcome(
        &mut self,
        permit: &Permit,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> bool {
        let (id, fingerprint) = (permit.id, permit.fingerprint);
        let attempt = self.attempts.iter().find(|attempt| attempt.id == id);
        let state = attempt.map(|attempt| attempt.state);
        let is_open = state == Some(State::Open);
        match outcome {
            AttemptOutcome::Granted if is_open => {
                for id in permit.ends.iter().chain([&id]) {
                    self.clear(*id, false, now);
                }
                // A process that has not seen the new success must not bring the old one back after it.
                if let Some(replaced) = self.success.take() {
                    self.clear(replaced.id, true, now);
                }
                self.success = Some(Success {
                    id,
                    fingerprint,
                    probed: false,
                    other: Map::new(),
                });
            }
            AttemptOutcome::Granted if state != Some(State::NoResponse) => {}
            // A success that comes late says nothing of other attempts.
            AttemptOutcome::Granted | AttemptOutcome::Uncounted => self.clear(id, false, now),
            AttemptOutcome::Unresolved { complete: true } => self.raise(id, State::Unresolved),
            AttemptOutcome::Unresolved { complete: false } => self.raise(id, State::NoResponse),
            AttemptOutcome::Rejected { guessed } => {
                // They are no longer known good, even after an operator allows them again.
                if let Some(success) = permit.known_good {
                    self.clear(success, true, now);
                }
                let state = match guessed {
                    true => State::Guessed,
                    false => State::Rejected,
                };
                let id = self.reject(permit, state, now);
                self.add_rejected(Rejected {
                    id,
                    fingerprint,
                    at: self.next_stamp(now),
                    guessed,
                    other: Map::new(),
                });
            }
            AttemptOutcome::Locked => {
                self.reject(permit, State::Locked, now);
            }
        }
        self.tidy();
        is_open
    }

    /// Counts a rejection, under a derived id if the attempt was cleared. Returns the id. If that was cleared
    /// as well, [`tidy`](Self::tidy) removes the attempt.
    fn reject(&mut self, permit: &Permit, state: State, now: Timestamp) -> AttemptId {
        let id = match self.cleared.has(permit.id) {
            true => permit.id.derived(),
            false => permit.id,
        };
        self.add_ended(id, permit.fingerprint, state, now);
        id
    }

    /// Clears the attempts of `before`, and their fingerprints: those that are a guess, or all if
    /// `allow_rejected`. Returns whether all is clear: an attempt without a response stays until its
    /// lease has passed, since the server may process it after the reset.
    ///
    /// `before` are the facts at the time of the operator's request: later attempts, and later responses to
    /// earlier ones, count.
    pub fn reset(
        &mut self,
        before: &Self,
        allow_rejected: bool,
        witness: &Witness,
        now: Timestamp,
    ) -> bool {
        let mut is_clear = true;
        for before in before.attempts.iter() {
            let mut attempts = self.attempts.iter();
            match attempts.find(|attempt| attempt.id == before.id) {
                Some(attempt) if witness.may_arrive(attempt, now) => is_clear = false,
                Some(attempt) if attempt.state <= before.state.max(State::NoResponse) => {
                    self.clear(before.id, allow_rejected, now);
                }
                _ => {}
            }
        }
        for rejected in before.rejected.iter() {
            if allow_rejected || rejected.guessed {
                self.clear(rejected.id, true, now);
            }
        }
        self.tidy();
        is_clear
    }

    /// Records that `attempt` ended without a response, since its owner is dead.
    pub(super) fn note_death(&mut self, attempt: &Attempt) {
        self.add_attempt(attempt.clone());
        self.raise(attempt.id, State::NoResponse);
        self.tidy();
    }

    /// Returns whether the attempt `id` counts, or was cleared.
    pub fn has_recorded(&self, id: AttemptId) -> bool {
        self.cleared.has(id) || self.attempts.iter().any(|attempt| attempt.id == id)
    }

    /// Removes the open attempts that are not `is_own`.
    pub(super) fn retain_open(&mut self, is_own: impl Fn(AttemptId) -> bool) {
        self.attempts
            .retain(|attempt| !attempt.is_open() || is_own(attempt.id));
    }

    /// Returns the id of the last success, if it used `credentials`.
    fn known_good(&self, credentials: &Credentials) -> Option<AttemptId> {
        let success = self.success.as_ref()?;
        let is_theirs = credentials.matches(&success.fingerprint);
        is_theirs.then_some(success.id)
    }

    fn has_rejected(&self, credentials: &Credentials) -> bool {
        let is_rejected = |state| matches!(state, State::Guessed | State::Rejected);
        let attempts = self.attempts.iter();
        let attempts = attempts.filter(|attempt| is_rejected(attempt.state));
        let rejected = self.rejected.iter().map(|rejected| &rejected.fingerprint);
        let mut rejected = rejected.chain(attempts.map(|attempt| &attempt.fingerprint));
        rejected.any(|fingerprint| credentials.matches(fingerprint))
    }

    /// Forgets what is cleared, of facts that are never merged with older ones.
    pub(super) fn forget_cleared(&mut self) {
        self.cleared = Cleared::default();
    }

    fn add_attempt(&mut self, attempt: Attempt) {
        match self.attempts.iter_mut().find(|own| own.id == attempt.id) {
            Some(own) => own.state = own.state.max(attempt.state),
            None => self.attempts.push(attempt),
        }
    }

    /// Adds an attempt whose lease has passed.
    fn add_ended(&mut self, id: AttemptId, fingerprint: Fingerprint, state: State, now: Timestamp) {
        self.add_attempt(Attempt::new(id, fingerprint, now, Duration::ZERO, state));
    }

    /// Adds a rejected fingerprint. A guess is replaced by an explicit rejection.
    fn add_rejected(&mut self, rejected: Rejected) {
        match self.rejected.iter_mut().find(|own| own.id == rejected.id) {
            Some(own) => own.guessed &= rejected.guessed,
            None => self.rejected.push(rejected),
        }
    }

    /// Raises the attempt `id` to `state`, if it counts and that is later.
    fn raise(&mut self, id: AttemptId, state: State) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.id == id) {
            attempt.state = attempt.state.max(state);
        }
    }

    fn clear(&mut self, id: AttemptId, with_fingerprint: bool, now: Timestamp) {
        let at = self.next_stamp(now);
        self.cleared.add(id, with_fingerprint, at);
    }

    /// Returns a stamp that is later than any other, even after a clock was set back.
    fn next_stamp(&self, now: Timestamp) -> u64 {
        let rejected = self.rejected.iter().map(|rejected| rejected.at);
        let stamps = self.cleared.stamps().chain(rejected);
        let newest = stamps.max().map_or(0, |newest| newest.saturating_add(1));
        newest.max(now.unix_nanos())
    }

    /// Removes what is cleared, and sorts and bounds the lists, so that equal facts are equal values.
    fn tidy(&mut self) {
        let cleared = &mut self.cleared;
        self.attempts.retain(|attempt| !cleared.has(attempt.id));
        self.rejected
            .retain(|rejected| !cleared.has_fingerprint(rejected.id));
        self.success
            .take_if(|success| cleared.has_fingerprint(success.id));
        cleared.tidy();
        self.attempts
            .sort_by_key(|attempt| (attempt.began, attempt.id));
        self.rejected
            .sort_by_key(|rejected| (rejected.at, rejected.id));
        // An open attempt is never dropped: its outcome is recorded here.
        self.attempts.keep_last(ATTEMPTS, Attempt::is_open);
        self.rejected.keep_last(REJECTED, |_| false);
    }
}
