use std::time::Duration;

use crate::{
    AccessToken, Bearer, Policy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

/// How long after its issue the API may not know a token yet.
const YOUNG: Duration = Duration::from_secs(3);

/// Two expiries of one token differ by less than this plus the duration of the exchange if the issuer rounds
/// to whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// A token with less than this left is replaced by its issuer within that time.
pub const LAST_SECOND: Duration = Duration::from_secs(1);

/// Holds the newest token, also after it has expired.
#[derive(Clone, Debug)]
pub struct Held {
    pub token: AccessToken,
    /// When it was first received.
    issued: Timestamp,
}

impl Held {
    /// Creates the token of `generation`, received at `now`.
    pub fn new(
        bearer: Bearer,
        generation: u64,
        schedule: Schedule,
        lifetime: &Lifetime,
        now: Timestamp,
        policy: &Policy,
    ) -> Self {
        // One that was sent longer ago than a fetch takes comes from a store.
        let is_stored = lifetime.age(now) > policy.fetch_timeout;
        let issued = if is_stored { lifetime.sent() } else { now };
        Self {
            token: AccessToken::new(bearer, generation, schedule),
            issued,
        }
    }

    /// Creates the same token, returned again: it keeps its generation and gets a new schedule.
    pub fn reissued(self, bearer: Bearer, schedule: Schedule) -> Self {
        Self {
            token: AccessToken::new(bearer, self.token.generation(), schedule),
            issued: self.issued,
        }
    }

    /// Returns the schedule of `bearer`, received while `held` is the newest token; `None` if its deadline has passed.
    pub fn schedule(
        held: Option<&Self>,
        bearer: &Bearer,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> Option<Schedule> {
        let schedule = match held.filter(|held| held.is(bearer)) {
            Some(held) => held.reused(lifetime, now, jitter, policy),
            None if policy.reuses_tokens && !lifetime.is_local() => lifetime
                .length()
                .map(|length| Schedule::reused(lifetime.sent(), length)),
            None => Schedule::new(lifetime, policy, jitter),
        };
        schedule.filter(|schedule| !schedule.deadline().has_passed(now))
    }

    /// Returns the schedule of this token when its issuer returns it again with `lifetime`.
    ///
    /// Each response gives a lower bound of its expiry, so the later one is right if rounding explains the
    /// difference. Otherwise the expiry has changed, and the token is refreshed like a new one.
    fn reused(
        &self,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> Option<Schedule> {
        let reported = lifetime.length()?;
        let stored = self.token.schedule().expiry().remaining(lifetime.sent());
        if reported.abs_diff(stored) > ROUNDING + lifetime.age(now) {
            return Schedule::new(lifetime, policy, jitter);
        }
        let length = reported.max(stored).min(Lifetime::LONGEST);
        Some(Schedule::reused(lifetime.sent(), length))
    }

    /// Returns how long it could be attached when it was received.
    pub fn lifetime(&self) -> Duration {
        self.token.remaining(self.issued)
    }

    /// Returns how long the issuer may still return it after its expiry, which was rounded down by up to a second; zero
    /// unless it is one that the issuer reuses.
    pub fn reused_for(&self, now: Timestamp) -> Duration {
        let schedule = self.token.schedule();
        if !schedule.is_reused() {
            return Duration::ZERO;
        }
        let end = schedule.expiry() + LAST_SECOND;
        end.remaining(now).min(2 * LAST_SECOND)
    }

    /// Returns whether the API may not know it yet.
    pub fn is_young(&self, now: Timestamp) -> bool {
        !(self.issued + YOUNG).on_monotonic().has_passed(now)
    }

    pub fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
