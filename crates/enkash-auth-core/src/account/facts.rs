use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Acquire, Attempt, AttemptContext, AttemptId, AttemptOutcome, Fingerprint, Permit, Witness,
    attempt::State, denial,
};
use crate::{Credentials, Moment};

/// No attempt begins while so many count: the server locks the account at the third that fails, by the
/// documentation of three of the platform's products.
pub const BUDGET: usize = 2;

/// How many cleared ids are remembered, the newest.
const CLEARED: usize = 64;

/// How many rejected fingerprints are remembered, the newest.
const REJECTED: usize = 16;

/// How many attempts are remembered, the newest: an account with more than two is closed, or makes one in
/// 15 minutes.
const ATTEMPTS: usize = 64;

/// How long credentials that are known good wait after more than one attempt without a response.
const KNOWN_GOOD_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What is known of the attempts of one account: which count, which ended uncounted, which credentials
/// were rejected, and which succeeded last.
///
/// Each item is a fact about one id, so the facts of two processes [merge](Self::merge) whatever
/// their age: an attempt counts unless its id was cleared.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// Those that count, oldest first.
    attempts: Vec<Attempt>,
    /// Those that count no more, oldest first.
    cleared: Vec<Cleared>,
    /// The credentials that were rejected, oldest first.
    rejected: Vec<Rejected>,
    success: Option<Success>,
}

/// An attempt that ended uncounted, or was cleared by a success or an operator.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Cleared {
    id: AttemptId,
    /// Orders the list, no more: nanoseconds since the Unix epoch, later than that of any before it.
    at: u64,
    /// Whether its fingerprint is cleared, too.
    with_fingerprint: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Credentials that are never sent again until an operator allows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Rejected {
    id: AttemptId,
    fingerprint: Fingerprint,
    at: u64,
    /// By the shape of the response alone.
    guessed: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The last success.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Success {
    id: AttemptId,
    fingerprint: Fingerprint,
    /// Whether the server has answered a probe since.
    probed: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Facts {
    /// Those in place of a record that cannot be read: two attempts that stay until an operator clears
    /// them. Their ids follow from its `bytes`, so that two processes count the same two.
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

    /// Those of one attempt.
    pub(super) fn of(attempt: Attempt) -> Self {
        Self {
            attempts: vec![attempt],
            ..Self::default()
        }
    }

    /// The attempts that count, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How many of the attempts that count were rejected.
    pub fn rejected_attempts(&self) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| attempt.is_rejected())
            .count()
    }

    /// Whether there is nothing that another process has to know.
    pub fn is_quiet(&self) -> bool {
        self.attempts.is_empty() && self.rejected.is_empty()
    }

    /// Whether the last success was of `credentials`, and they were not rejected since.
    pub fn is_known_good(&self, credentials: &Credentials) -> bool {
        self.known_good(credentials).is_some() && !self.has_rejected(credentials)
    }

    /// Adds the facts of `other`. What either has cleared counts no more; of two views of one attempt
    /// the later holds. `other` knows of a success where these do not.
    pub fn merge(&mut self, other: &Self) {
        for theirs in &other.cleared {
            match self.cleared.iter_mut().find(|own| own.id == theirs.id) {
                Some(own) => own.with_fingerprint |= theirs.with_fingerprint,
                None => self.cleared.push(theirs.clone()),
            }
        }
        for theirs in &other.rejected {
            if self.rejected.iter().all(|own| own.id != theirs.id) {
                self.rejected.push(theirs.clone());
            }
        }
        for theirs in &other.attempts {
            match self.attempts.iter_mut().find(|own| own.id == theirs.id) {
                Some(own) => own.state = own.state.max(theirs.state),
                None => self.attempts.push(theirs.clone()),
            }
        }
        match (&mut self.success, &other.success) {
            (own @ None, theirs) => own.clone_from(theirs),
            (Some(own), Some(theirs)) if own.id == theirs.id => own.probed |= theirs.probed,
            (Some(_), _) => {}
        }
        self.tidy();
    }

    /// Begins an attempt, if the budget allows it.
    ///
    /// The attempt is on the record before it is sent: what is granted holds once these facts are
    /// written. `witness` says which leases have passed at `now`, whose wall clock is the store's.
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

    /// The rule for credentials that are known good, where all that count are theirs and had no
    /// response: in place of the budget, an answered probe and a pause.
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
            // A server that has never answered one is asked without.
            Some(false) if !success.probed && has_paused => None,
            Some(false) => Some(Acquire::Denied(denial::no_probe_answered())),
        }
    }

    /// The budget: fewer than two others count.
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
        let outlives_success = |attempt: &&Attempt| {
            attempt.has_no_response()
                && !ctx.credentials.matches(&attempt.fingerprint)
                && witness.is_lease_on(attempt, now)
        };
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
    /// record: otherwise its success changes nothing, and its token is not to be kept.
    ///
    /// A rejection counts however late it is reported, and once.
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
                // They are good no more, also once an operator allows them again.
                if let Some(success) = permit.known_good() {
                    self.clear(success, true, now);
                }
                let state = if guessed {
                    State::Guessed
                } else {
                    State::Rejected
                };
                if let Some(id) = self.reject(permit, state, now)
                    && self.rejected.iter().all(|rejected| rejected.id != id)
                {
                    self.rejected.push(Rejected {
                        id,
                        fingerprint: permit.fingerprint(),
                        at: self.next_stamp(now),
                        guessed,
                        other: Map::new(),
                    });
                }
            }
            AttemptOutcome::Locked => {
                let _ = self.reject(permit, State::Locked, now);
            }
        }
        self.tidy();
        is_open
    }

    /// Counts a rejection, under a derived id where the attempt was cleared. Returns the id, or `None`
    /// where that was cleared, too.
    fn reject(&mut self, permit: &Permit, state: State, now: Moment) -> Option<AttemptId> {
        let id = permit.id();
        if self.raise(id, state) {
            return Some(id);
        }
        let id = if self.is_cleared(id) {
            id.derived()
        } else {
            id
        };
        if self.is_cleared(id) {
            return None;
        }
        if !self.raise(id, state) {
            let (fingerprint, began) = (permit.fingerprint(), now.unix_nanos());
            let attempt = Attempt::new(id, fingerprint, began, Duration::ZERO, state);
            self.attempts.push(attempt);
        }
        Some(id)
    }

    /// Clears the attempts that count and the fingerprints that were rejected by guess, or, where
    /// `allow_rejected`, all fingerprints. Returns whether all is clear: an attempt whose lease is on
    /// stays until that has passed.
    pub fn reset(&mut self, allow_rejected: bool, witness: &Witness, now: Moment) -> bool {
        let (open, ended): (Vec<_>, Vec<_>) = self
            .attempts
            .iter()
            .map(|attempt| {
                (
                    attempt.id,
                    attempt.is_open() && witness.is_lease_on(attempt, now),
                )
            })
            .partition(|(_, is_on)| *is_on);
        for (id, _) in ended {
            self.clear(id, allow_rejected, now);
        }
        let allowed: Vec<_> = self
            .rejected
            .iter()
            .filter(|rejected| allow_rejected || rejected.guessed)
            .map(|rejected| rejected.id)
            .collect();
        for id in allowed {
            self.clear(id, true, now);
        }
        self.tidy();
        open.is_empty()
    }

    /// The owner of `id` is known to be dead: the attempt will not be reported.
    pub(super) fn end_without_report(&mut self, id: AttemptId) {
        self.raise(id, State::NoResponse);
    }

    /// Keeps of the open attempts only those that `is_own`.
    pub(super) fn retain_open(&mut self, is_own: impl Fn(AttemptId) -> bool) {
        self.attempts
            .retain(|attempt| !attempt.is_open() || is_own(attempt.id));
    }

    /// The success that shows that `credentials` are good.
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

    /// The age of the newest attempt that counts.
    fn age(&self, witness: &Witness, now: Moment) -> Option<Duration> {
        let ages = self
            .attempts
            .iter()
            .map(|attempt| witness.age(attempt, now));
        ages.min()
    }

    /// Brings the attempt `id` to `state`, if that is a later one. Returns whether it counts.
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

    /// A stamp that is later than any, also after a clock was set back.
    fn next_stamp(&self, now: Moment) -> u64 {
        let cleared = self.cleared.iter().map(|cleared| cleared.at);
        let stamps = cleared.chain(self.rejected.iter().map(|rejected| rejected.at));
        let newest = stamps.max().map_or(0, |newest| newest.saturating_add(1));
        newest.max(now.unix_nanos())
    }

    /// Takes away what is cleared, and brings the lists into their order and within their bounds: equal
    /// facts are equal values.
    pub(super) fn tidy(&mut self) {
        let Self {
            attempts,
            cleared,
            rejected,
            success,
        } = self;
        let is_cleared = |id| cleared.iter().any(|cleared| cleared.id == id);
        let is_allowed = |id| {
            let mut allowed = cleared.iter().filter(|cleared| cleared.with_fingerprint);
            allowed.any(|cleared| cleared.id == id)
        };
        attempts.retain(|attempt| !is_cleared(attempt.id));
        rejected.retain(|rejected| !is_allowed(rejected.id));
        success.take_if(|success| is_allowed(success.id));
        attempts.sort_by_key(|attempt| (attempt.began, attempt.id));
        cleared.sort_by_key(|cleared| (cleared.at, cleared.id));
        rejected.sort_by_key(|rejected| (rejected.at, rejected.id));
        keep_newest(attempts, ATTEMPTS);
        keep_newest(cleared, CLEARED);
        keep_newest(rejected, REJECTED);
    }
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}
