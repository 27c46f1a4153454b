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

/// Holds the newest token, also after it has expired.
#[derive(Clone, Debug)]
pub struct Held {
    pub token: AccessToken,
    /// When it was first received.
    issued: Timestamp,
}

impl Held {
    /// Creates the token of `generation`, first received at `issued`.
    pub fn new(bearer: Bearer, generation: u64, schedule: Schedule, issued: Timestamp) -> Self {
        Self {
            token: AccessToken::new(bearer, generation, schedule),
            issued,
        }
    }

    /// Creates the same token, returned again: it keeps its generation and gets a new schedule.
    pub fn reissued(self, bearer: Bearer, schedule: Schedule) -> Self {
        Self::new(bearer, self.token.generation(), schedule, self.issued)
    }

    /// Returns the schedule of this token when its issuer returns it again with `lifetime`.
    ///
    /// Each response gives a lower bound of its expiry, so the later one is right if rounding explains the
    /// difference. Otherwise the expiry has changed, and the token is refreshed like a new one.
    pub fn reused(
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

    /// Returns whether the API may not know it yet.
    pub fn is_young(&self, now: Timestamp) -> bool {
        !(self.issued + YOUNG).on_monotonic().has_passed(now)
    }

    pub fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
