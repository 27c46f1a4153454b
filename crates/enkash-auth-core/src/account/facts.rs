use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Acquire, Attempt, AttemptContext, AttemptId, AttemptOutcome, Fingerprint, Permit, Witness,
    attempt::State, denial,
};
use crate::{Credentials, Moment};

/// No attempt begins while this many count: the server locks the account at the third that fails, according
/// to the documentation of three of the platform's products.
pub const BUDGET: usize = 2;

/// How many cleared ids are remembered, the newest.
const CLEARED: usize = 64;

/// How many rejected fingerprints are remembered, the newest.
const REJECTED: usize = 16;

/// How many attempts that count are remembered, the newest, and any open ones beside them. Two close the
/// account, unless they had no response and the credentials are known good (then one is made in 15
/// minutes), or `retry_unresolved_after` is set.
const ATTEMPTS: usize = 64;

/// How long credentials that are known good wait after more than one attempt without a response.
const KNOWN_GOOD_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Records which attempts of one account count, which ended uncounted, which credentials were rejected, and
/// which succeeded last.
///
/// Each item is a fact about one id, so the facts of two processes [merge](Self::merge) whatever
/// their age: an attempt counts unless its id was cleared.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// The attempts that count, oldest first.
    attempts: Vec<Attempt>,
    /// The attempts that no longer count, oldest first.
    cleared: Vec<Cleared>,
    /// The credentials that were rejected, oldest first.
    rejected: Vec<Rejected>,
    success: Option<Success>,
}

/// An attempt that ended uncounted, or was cleared by a success or an operator.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Cleared {
    id: AttemptId,
    /// Only orders the list: nanoseconds since the Unix epoch, later than that of any before it.
    at: u64,
    /// Whether its fingerprint is cleared as well.
    with_fingerprint: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Credentials that are never sent again until an operator allows it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Rejected {
    id: AttemptId,
    fingerprint: Fingerprint,
    at: u64,
    /// Whether the shape of the response alone says so.
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
    pub(super) fn unreadable(bytes: &[u8], now: Moment) -> Self {
        let attempt = |purpose| {
            let id = AttemptId::of(purpose, bytes);
            let began = now.unix_nanos();
            Attempt::new(
                id,
                Fingerprint::NONE,
                began,
                Duration::ZERO,
                State::Unresolved,
            )
        };
        let mut facts = Self {
            attempts: vec![attempt(b"unreadable 1"), attempt(b"unreadable 2")],
            ..Self::default()
        };
        facts.tidy();
        facts
    }

    /// Returns the facts of one attempt.
    pub(super) fn of(attempt: Attempt) -> Self {
        Self {
            attempts: vec![attempt],
            ..Self::default()
        }
    }

    /// Returns the attempts that count, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Returns how many of the attempts that count were rejected.
    pub fn rejected_attempts(&self) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| attempt.is_rejected())
            .count()
    }

    /// Returns whether no attempt counts and no credentials are rejected.
    pub fn is_quiet(&self) -> bool {
        self.attempts.is_empty() && self.rejected.is_empty()
    }

    /// Returns whether the last success was of `credentials`, and they were not rejected since.
    pub fn is_known_good(&self, credentials: &Credentials) -> bool {
        self.known_good(credentials).is_some() && !self.has_rejected(credentials)
    }

    /// Merges `other` into these facts. An id that either has cleared no longer counts; of two states of
    /// one attempt the later is kept. The success of `other` is used only where these have none, or one
    /// that was replaced.
    pub fn merge(&mut self, other: &Self) {
        for theirs in &other.cleared {
            match self.cleared.iter_mut().find(|own| own.id == theirs.id) {
                Some(own) => own.with_fingerprint |= theirs.with_fingerprint,
                None => self.cleared.push(theirs.clone()),
            }
        }
        for theirs in &other.rejected {
            match self.rejected.iter_mut().find(|own| own.id == theirs.id) {
                Some(own) => own.guessed &= theirs.guessed,
                None => self.rejected.push(theirs.clone()),
            }
        }
        for theirs in &other.attempts {
            match self.attempts.iter_mut().find(|own| own.id == theirs.id) {
                Some(own) => own.state = own.state.max(theirs.state),
                None => self.attempts.push(theirs.clone()),
            }
        }
        let cleared = &self.cleared;
        self.success
            .take_if(|success| is_fingerprint_cleared(cleared, success.id));
        match (&mut self.success, &other.success) {
            (own @ None, theirs) => own.clone_from(theirs),
            (Some(own), Some(theirs)) if own.id == theirs.id => own.probed |= theirs.probed,
            (Some(_), _) => {}
        }
        self.tidy();
    }

    /// Begins an attempt, if the budget allows it.
    ///
    /// The attempt is on the record before it is sent: what is granted holds once these facts are written.
    /// `witness` decides which leases have passed at `now`, whose wall clock is the store's.
    pub fn acquire(&mut self, ctx: &AttemptContext<'_>, witness: &Witness, now: Moment) -> Acquire {
        for attempt in &mut self.attempts {
            if attempt.is_open() && !witness.is_lease_on(attempt, now) {
                attempt.state = State::NoResponse;
            }
        }
        if self.has_rejected(ctx.credentials) {
            return Acquire::Denied(denial::rejected_before());
        }
        if self.attempts.iter().any(Attempt::is_open) {
            return Acquire::Busy;
        }
        let known_good = self.known_good(ctx.credentials);
        let are_lost = self.attempts.iter().all(|attempt| {
            attempt.state == State::NoResponse && ctx.credentials.matches(&attempt.fingerprint)
        });
        let denied = if known_good.is_some() && are_lost {
            self.after_lost_attempts(ctx, witness, now)
        } else {
            self.over_budget(ctx, witness, now)
        };
        match denied {
            Some(denied) => denied,
            None => Acquire::Granted(self.begin(ctx, known_good, witness, now)),
        }
    }

    /// Applies the rule for known good credentials where all attempts that count are theirs and had no
    /// response: in place of the budget, a probe that is answered, and a pause.
    fn after_lost_attempts(
        &mut self,
        ctx: &AttemptContext<'_>,
        witness: &Witness,
        now: Moment,
    ) -> Option<Acquire> {
        let age = self.age(witness, now)?;
        let success = self.success.as_mut()?;
        let has_paused = age >= KNOWN_GOOD_PAUSE;
        if self.attempts.len() > 1 && !has_paused {
            return Some(Acquire::Denied(denial::pause_after_lost_attempts()));
        }
        match ctx.probe {
            None => Some(Acquire::Probe),
            Some(true) => {
                success.probed = true;
                None
            }
            // A server that has responded to no probe since the last success is asked without one.
            Some(false) if !success.probed && has_paused => None,
            Some(false) => Some(Acquire::Denied(denial::no_probe_answered())),
        }
    }

    /// Applies the budget: fewer than two others count.
    fn over_budget(
        &self,
        ctx: &AttemptContext<'_>,
        witness: &Witness,
        now: Moment,
    ) -> Option<Acquire> {
        if self
            .attempts
            .iter()
            .any(|attempt| attempt.state == State::Locked)
        {
            return Some(Acquire::Denied(denial::locked()));
        }
        if self.attempts.len() < BUDGET {
            return None;
        }
        let may_retry = ctx.retry_unresolved_after.is_some_and(|after| {
            self.rejected_attempts() == 0 && self.age(witness, now) >= Some(after)
        });
        (!may_retry).then(|| Acquire::Denied(denial::closed(self.rejected_attempts())))
    }

    fn begin(
        &mut self,
        ctx: &AttemptContext<'_>,
        known_good: Option<AttemptId>,
        witness: &Witness,
        now: Moment,
    ) -> Permit {
        let fingerprint = ctx.credentials.fingerprint(ctx.salt);
        // The server may carry it out after that success. Attempts of the same credentials are no
        // exception: the password may change in between.
        let outlives_success =
            |attempt: &&Attempt| attempt.has_no_response() && witness.is_lease_on(attempt, now);
        let ends = self
            .attempts
            .iter()
            .filter(|attempt| !outlives_success(attempt));
        let permit = Permit::new(
            ctx.id,
            fingerprint,
            ends.map(Attempt::id).collect(),
            known_good,
        );
        let began = now.unix_nanos();
        self.attempts.push(Attempt::new(
            ctx.id,
            fingerprint,
            began,
            ctx.lease,
            State::Open,
        ));
        self.tidy();
        permit
    }

    /// Records how the attempt of `permit` ended. Returns whether it was still the open attempt of the
    /// record: otherwise its success changes nothing, and its token must not be kept.
    ///
    /// A rejection counts once, however late it is reported.
    pub fn record_outcome(
        &mut self,
        permit: &Permit,
        outcome: AttemptOutcome,
        now: Moment,
    ) -> bool {
        let id = permit.id();
        let is_open = self
            .attempts
            .iter()
            .any(|attempt| attempt.id == id && attempt.is_open());
        match outcome {
            AttemptOutcome::Granted if is_open => {
                for id in permit.ends().iter().chain([&id]) {
                    self.clear(*id, false, now);
                }
                // Otherwise a process that has not seen the new success would bring the old one back once
                // the new one is cleared.
                if let Some(replaced) = self.success.take() {
                    self.clear(replaced.id, true, now);
                }
                self.success = Some(Success {
                    id,
                    fingerprint: permit.fingerprint(),
                    probed: false,
                    other: Map::new(),
                });
            }
            AttemptOutcome::Granted => {}
            AttemptOutcome::Uncounted => self.clear(id, false, now),
            AttemptOutcome::Unresolved { complete } => {
                let state = if complete {
                    State::Unresolved
                } else {
                    State::NoResponse
                };
                self.raise(id, state);
            }
            AttemptOutcome::Rejected { guessed } => {
                // They are no longer known good, even after an operator allows them again.
                if let Some(success) = permit.known_good() {
                    self.clear(success, true, now);
                }
                let state = if guessed {
                    State::Guessed
                } else {
                    State::Rejected
                };
                let id = self.reject(permit, state, now);
                self.add_rejected(id, permit.fingerprint(), guessed, now);
            }
            AttemptOutcome::Locked => {
                self.reject(permit, State::Locked, now);
            }
        }
        self.tidy();
        is_open
    }

    /// Counts a rejection, under a derived id if the attempt was cleared. If that was cleared as well, the
    /// attempt is [tidied](Self::tidy) away again. Returns the id.
    fn reject(&mut self, permit: &Permit, state: State, now: Moment) -> AttemptId {
        let id = permit.id();
        let id = if self.is_cleared(id) {
            id.derived()
        } else {
            id
        };
        if !self.raise(id, state) {
            let (fingerprint, began) = (permit.fingerprint(), now.unix_nanos());
            let attempt = Attempt::new(id, fingerprint, began, Duration::ZERO, state);
            self.attempts.push(attempt);
        }
        id
    }

    /// Adds a rejected fingerprint. One that was rejected by guess, and now is by name, is no longer
    /// guessed.
    fn add_rejected(
        &mut self,
        id: AttemptId,
        fingerprint: Fingerprint,
        guessed: bool,
        now: Moment,
    ) {
        match self.rejected.iter_mut().find(|rejected| rejected.id == id) {
            Some(rejected) => rejected.guessed &= guessed,
            None => self.rejected.push(Rejected {
                id,
                fingerprint,
                at: self.next_stamp(now),
                guessed,
                other: Map::new(),
            }),
        }
    }

    /// Returns the ids of the attempts that count and of the rejected fingerprints: what a reset clears.
    pub fn resettable(&self) -> Vec<AttemptId> {
        let rejected = self.rejected.iter().map(|rejected| rejected.id);
        rejected
            .chain(self.attempts.iter().map(Attempt::id))
            .collect()
    }

    /// Clears the attempts `of` these ids, and of their fingerprints those that were rejected by guess, or
    /// all if `allow_rejected`. Returns whether all is clear: an attempt without a response stays until its
    /// lease has passed, since the server may carry it out after the reset.
    ///
    /// The ids are those at the time when an operator acted, even in a reset that waits: later attempts
    /// count.
    pub fn reset(
        &mut self,
        of: &[AttemptId],
        allow_rejected: bool,
        witness: &Witness,
        now: Moment,
    ) -> bool {
        let (open, ended): (Vec<_>, Vec<_>) = self
            .attempts
            .iter()
            .filter(|attempt| of.contains(&attempt.id))
            .map(|attempt| {
                (
                    attempt.id,
                    attempt.has_no_response() && witness.is_lease_on(attempt, now),
                )
            })
            .partition(|(_, is_on)| *is_on);
        for (id, _) in ended {
            self.clear(id, allow_rejected, now);
        }
        let allowed: Vec<_> = self
            .rejected
            .iter()
            .filter(|rejected| of.contains(&rejected.id) && (allow_rejected || rejected.guessed))
            .map(|rejected| rejected.id)
            .collect();
        for id in allowed {
            self.clear(id, true, now);
        }
        self.tidy();
        open.is_empty()
    }

    /// Ends the open attempt `id` without a response: its owner is known to be dead.
    pub(super) fn end_without_report(&mut self, id: AttemptId) {
        self.raise(id, State::NoResponse);
    }

    /// Returns whether the attempt `id` counts, or was cleared.
    pub(super) fn knows_of(&self, id: AttemptId) -> bool {
        self.is_cleared(id) || self.attempts.iter().any(|attempt| attempt.id == id)
    }

    /// Removes the open attempts that are not `is_own`.
    pub(super) fn retain_open(&mut self, is_own: impl Fn(AttemptId) -> bool) {
        self.attempts
            .retain(|attempt| !attempt.is_open() || is_own(attempt.id));
    }

    /// Returns the id of the last success, if it was of `credentials`.
    fn known_good(&self, credentials: &Credentials) -> Option<AttemptId> {
        let success = self.success.as_ref()?;
        credentials
            .matches(&success.fingerprint)
            .then_some(success.id)
    }

    fn has_rejected(&self, credentials: &Credentials) -> bool {
        let of_attempts = self
            .attempts
            .iter()
            .filter(|attempt| matches!(attempt.state, State::Guessed | State::Rejected))
            .map(|attempt| &attempt.fingerprint);
        self.rejected
            .iter()
            .map(|rejected| &rejected.fingerprint)
            .chain(of_attempts)
            .any(|fingerprint| credentials.matches(fingerprint))
    }

    /// Returns the age of the newest attempt that counts.
    fn age(&self, witness: &Witness, now: Moment) -> Option<Duration> {
        let ages = self
            .attempts
            .iter()
            .map(|attempt| witness.age(attempt, now));
        ages.min()
    }

    /// Raises the attempt `id` to `state`, if that is later. Returns whether the attempt counts.
    fn raise(&mut self, id: AttemptId, state: State) -> bool {
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.id == id);
        attempt
            .map(|attempt| attempt.state = attempt.state.max(state))
            .is_some()
    }

    fn clear(&mut self, id: AttemptId, with_fingerprint: bool, now: Moment) {
        if let Some(cleared) = self.cleared.iter_mut().find(|cleared| cleared.id == id) {
            cleared.with_fingerprint |= with_fingerprint;
            return;
        }
        self.cleared.push(Cleared {
            id,
            at: self.next_stamp(now),
            with_fingerprint,
            other: Map::new(),
        });
    }

    fn is_cleared(&self, id: AttemptId) -> bool {
        self.cleared.iter().any(|cleared| cleared.id == id)
    }

    /// Returns a stamp that is later than any other, even after a clock was set back.
    fn next_stamp(&self, now: Moment) -> u64 {
        let cleared = self.cleared.iter().map(|cleared| cleared.at);
        let stamps = cleared.chain(self.rejected.iter().map(|rejected| rejected.at));
        let newest = stamps.max().map_or(0, |newest| newest.saturating_add(1));
        newest.max(now.unix_nanos())
    }

    /// Removes what is cleared, and sorts and bounds the lists, so that equal facts are equal values.
    pub(super) fn tidy(&mut self) {
        let Self {
            attempts,
            cleared,
            rejected,
            success,
        } = self;
        let is_cleared = |id| cleared.iter().any(|cleared| cleared.id == id);
        let is_allowed = |id| is_fingerprint_cleared(cleared, id);
        attempts.retain(|attempt| !is_cleared(attempt.id));
        rejected.retain(|rejected| !is_allowed(rejected.id));
        success.take_if(|success| is_allowed(success.id));
        attempts.sort_by_key(|attempt| (attempt.began, attempt.id));
        cleared.sort_by_key(|cleared| (cleared.at, cleared.id));
        rejected.sort_by_key(|rejected| (rejected.at, rejected.id));
        // An open attempt is never in excess: it is looked for here when it ends.
        let mut excess = attempts.len().saturating_sub(ATTEMPTS);
        attempts.retain(|attempt| {
            let is_dropped = excess > 0 && !attempt.is_open();
            excess -= usize::from(is_dropped);
            !is_dropped
        });
        keep_newest(cleared, CLEARED);
        keep_newest(rejected, REJECTED);
    }
}

fn is_fingerprint_cleared(cleared: &[Cleared], id: AttemptId) -> bool {
    let mut cleared = cleared.iter().filter(|cleared| cleared.with_fingerprint);
    cleared.any(|cleared| cleared.id == id)
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}
