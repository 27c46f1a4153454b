use std::time::Duration;

use super::{Attempt, AttemptId, AttemptOutcome, Facts, Permit};
use crate::Moment;

/// How long after its lease, on the store's clock alone, an attempt is taken to have ended.
const LONG_PASSED: u64 = 10 * 60 * 1_000_000_000;

/// What one process knows of an account, which outlives a lost record: the facts it last read or wrote but
/// for open attempts of others, and its own attempts, stored or not.
///
/// It also knows when it first saw each attempt, on its own monotonic clock: a lease has passed when two
/// clocks say so.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    facts: Facts,
    seen: Vec<Seen>,
    /// Open attempts of this process.
    own: Vec<AttemptId>,
    /// Attempts of this process that were made without the store, and not written since.
    unstored: Vec<AttemptId>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    id: AttemptId,
    /// When it was first seen, on the monotonic clock of this process.
    at: u64,
    /// How old it was then, on the store's clock.
    age: u64,
}

impl Witness {
    /// What the process knows.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Notes when the attempts among `facts` were first seen. To be called before they are judged.
    pub fn see(&mut self, facts: &Facts, now: Moment) {
        let is_there = |id| facts.attempts().iter().any(|attempt| attempt.id() == id);
        self.seen.retain(|seen| is_there(seen.id));
        for attempt in facts.attempts() {
            if self.first_seen(attempt.id()).is_none() {
                self.seen.push(Seen {
                    id: attempt.id(),
                    at: now.monotonic_nanos(),
                    age: now.unix_nanos().saturating_sub(attempt.began),
                });
            }
        }
    }

    /// `facts` are what the store holds, for they were read there or written: nothing that the process
    /// knew is missing in them.
    pub fn observe(&mut self, facts: &Facts) {
        self.facts.clone_from(facts);
        let own = &self.own;
        self.facts.retain_open(|id| own.contains(&id));
        self.unstored.clear();
    }

    /// An attempt of this process is about to be written.
    pub fn begin(&mut self, id: AttemptId) {
        self.own.push(id);
    }

    /// An attempt that was begun was not written: another write came between.
    pub fn withdraw(&mut self, id: AttemptId) {
        self.own.retain(|own| *own != id);
    }

    /// An attempt of this process is made without the store, under `facts`.
    pub fn begin_unstored(&mut self, id: AttemptId, facts: &Facts) {
        self.own.push(id);
        self.unstored.push(id);
        self.facts.clone_from(facts);
    }

    /// Whether an attempt counts that was made without the store.
    pub fn has_unstored(&self) -> bool {
        let mut attempts = self.facts.attempts().iter();
        attempts.any(|attempt| self.unstored.contains(&attempt.id()))
    }

    /// An attempt of this process has ended, and the store may not know.
    pub fn record_outcome(&mut self, permit: &Permit, outcome: AttemptOutcome, now: Moment) {
        self.facts.record_outcome(permit, outcome, now);
        self.withdraw(permit.id());
    }

    /// The owner of the attempt is known to be dead.
    pub fn note_death(&mut self, attempt: &Attempt) {
        let mut facts = Facts::of(attempt.clone());
        facts.end_without_report(attempt.id());
        self.facts.merge(&facts);
    }

    /// Whether `attempt` may still be in flight. An attempt that was not seen before is.
    pub fn is_lease_on(&self, attempt: &Attempt, now: Moment) -> bool {
        let (lease, at) = (attempt.lease_nanos(), now.unix_nanos());
        // One that begins in the future by more than its length is of a clock that was set back since.
        let has_passed_there = attempt.began.abs_diff(at) >= lease;
        let has_long_passed = at.saturating_sub(attempt.began) >= lease.saturating_add(LONG_PASSED);
        let has_passed_here = self
            .first_seen(attempt.id())
            .is_some_and(|seen| now.monotonic_nanos().saturating_sub(seen.at) >= lease);
        !(has_long_passed || has_passed_there && has_passed_here)
    }

    /// How old `attempt` is: its age on the store's clock when it was first seen, and the time since on
    /// the monotonic clock of this process.
    pub fn age(&self, attempt: &Attempt, now: Moment) -> Duration {
        let age = self.first_seen(attempt.id()).map_or(0, |seen| {
            let since = now.monotonic_nanos().saturating_sub(seen.at);
            seen.age.saturating_add(since)
        });
        Duration::from_nanos(age)
    }

    fn first_seen(&self, id: AttemptId) -> Option<Seen> {
        self.seen.iter().copied().find(|seen| seen.id == id)
    }
}
