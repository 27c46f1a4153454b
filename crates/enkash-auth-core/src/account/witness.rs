use std::time::Duration;

use super::{Attempt, AttemptId, AttemptOutcome, Facts, Lease, Permit};
use crate::{Timestamp, few::Few};

/// How long after its lease, by the store's clock alone, an attempt is considered to have ended.
const LONG_PASSED: u64 = 10 * 60 * 1_000_000_000;

/// Holds what one process has seen of an account, which outlives a lost record: the facts it last read or
/// wrote, without the open attempts of others, and its own attempts, stored or not.
///
/// It also records when each attempt was first seen, on the monotonic clock of the process: a lease has
/// passed if both that clock and the store's say so, or the store's says so by 10 minutes.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Witness {
    facts: Facts,
    seen: Few<Seen>,
    /// Open attempts of this process.
    own: Few<AttemptId>,
    /// Attempts of this process that were made without the store and have not been written since.
    unstored: Few<AttemptId>,
    is_ahead: bool,
    /// Whether a store has, or had, some of these facts.
    is_stored: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Seen {
    id: AttemptId,
    /// When it was first seen, on the monotonic clock of this process.
    at: u64,
    /// How old it was then, on the store's clock.
    age: u64,
}

impl Witness {
    /// Returns the facts that the process has seen.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns whether no attempt counts, no credentials are rejected, and the store holds all these facts.
    /// Otherwise the process polls the record every few seconds.
    pub fn is_quiet(&self) -> bool {
        self.facts.is_quiet() && !self.is_ahead
    }

    /// Returns whether this holds facts that the store did not hold when last read or written.
    pub fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    /// Records when the attempts in `facts` were first seen. Call it before applying rules to them.
    pub fn see(&mut self, facts: &Facts, now: Timestamp) {
        for attempt in facts.attempts() {
            if self.first_seen(attempt.id).is_none() {
                self.seen.push(Seen {
                    id: attempt.id,
                    at: now.monotonic_nanos(),
                    age: now.unix_nanos().saturating_sub(attempt.began),
                });
            }
        }
    }

    /// Merges `facts`, which were read from the store or written to it. Anything recorded since then stays.
    pub fn observe(&mut self, facts: &Facts) {
        self.is_stored = true;
        self.adopt(facts);
    }

    /// Replaces the facts `before`, in a process whose caches have no store. Returns `false`, and changes nothing, if
    /// there are others now.
    ///
    /// Which attempts were cleared is forgotten, unless a store may bring them back.
    pub fn replace(&mut self, before: &Facts, facts: &Facts) -> bool {
        let is_current = self.facts == *before;
        if is_current {
            self.adopt(facts);
            if !self.is_stored {
                self.facts.forget_cleared();
            }
        }
        is_current
    }

    fn adopt(&mut self, facts: &Facts) {
        let mut all = facts.clone();
        all.merge(&self.facts);
        self.is_ahead = all != *facts;
        let is_there = |id| all.attempts().iter().any(|attempt| attempt.id == id);
        self.seen.retain(|seen| is_there(seen.id));
        let own = &self.own;
        all.retain_open(|id| own.contains(&id));
        self.facts = all;
        self.unstored.retain(|id| !facts.has_recorded(*id));
    }

    /// Records that an attempt of this process is about to be written.
    pub fn begin(&mut self, id: AttemptId) {
        self.own.push(id);
    }

    /// Returns whether the open attempt `id` is one of this process.
    pub fn is_own(&self, id: AttemptId) -> bool {
        self.own.contains(&id)
    }

    /// Removes `id` from the open attempts of this process: it has ended, or was not written after all.
    pub fn withdraw(&mut self, id: AttemptId) {
        self.own.retain(|own| *own != id);
    }

    /// Records that an attempt of this process is made without the store; `facts` include it.
    pub fn begin_unstored(&mut self, id: AttemptId, facts: &Facts) {
        self.own.push(id);
        self.unstored.push(id);
        self.facts.clone_from(facts);
    }

    /// Returns whether an attempt that was made without the store, and not written since, counts.
    pub fn has_unstored(&self) -> bool {
        let mut attempts = self.facts.attempts().iter();
        attempts.any(|attempt| self.unstored.contains(&attempt.id))
    }

    /// Records how an attempt of this process ended, before the store has it.
    pub fn record_outcome(&mut self, permit: &Permit, outcome: AttemptOutcome, now: Timestamp) {
        self.facts.record_outcome(permit, outcome, now);
        self.is_ahead = true;
        self.withdraw(permit.id());
    }

    /// Records that the owner of `attempt` is dead.
    pub fn note_death(&mut self, attempt: &Attempt) {
        self.facts.note_death(attempt);
    }

    /// Returns whether the server may still process `attempt`.
    pub(super) fn may_arrive(&self, attempt: &Attempt, now: Timestamp) -> bool {
        attempt.has_no_response() && self.is_lease_on(attempt, now)
    }

    /// Returns whether `attempt` may still be in flight, which is assumed of one that was not seen before.
    pub fn is_lease_on(&self, attempt: &Attempt, now: Timestamp) -> bool {
        self.lease_left(attempt, now) > 0
    }

    /// Returns the nanoseconds until the lease of `attempt` has passed, as far as the clocks now show.
    fn lease_left(&self, attempt: &Attempt, now: Timestamp) -> u64 {
        let (lease, at) = (attempt.lease_nanos(), now.unix_nanos());
        let end = attempt.began.saturating_add(lease);
        let there = match attempt.began.abs_diff(at) < lease {
            true => end.saturating_sub(at),
            // One whose start is more than its lease in the future was written before the clock was set back.
            false => 0,
        };
        let here = self.first_seen(attempt.id).map_or(lease, |seen| {
            lease.saturating_sub(now.monotonic_nanos().saturating_sub(seen.at))
        });
        let at_most = end.saturating_add(LONG_PASSED).saturating_sub(at);
        there.max(here).min(at_most)
    }

    /// Describes the lease of `attempt`.
    pub(super) fn lease(&self, attempt: &Attempt, now: Timestamp) -> Lease {
        Lease {
            age: self.age(attempt, now),
            left: Duration::from_nanos(self.lease_left(attempt, now)),
        }
    }

    /// Returns the age of `attempt`: its age on the store's clock when first seen, plus the time since then on
    /// the monotonic clock of this process.
    pub fn age(&self, attempt: &Attempt, now: Timestamp) -> Duration {
        let age = self.first_seen(attempt.id).map_or(0, |seen| {
            let since = now.monotonic_nanos().saturating_sub(seen.at);
            seen.age.saturating_add(since)
        });
        Duration::from_nanos(age)
    }

    fn first_seen(&self, id: AttemptId) -> Option<Seen> {
        self.seen.iter().copied().find(|seen| seen.id == id)
    }
}
