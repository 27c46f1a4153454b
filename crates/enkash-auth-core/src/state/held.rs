use std::time::Duration;

use crate::{
    AccessToken, Bearer, Policy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

/// How long a token that its issuer returned again after a 401 is trusted: an API that responds 401 for other
/// reasons costs a fetch as often, and a revoked token stays in use for that long.
const TRUSTED: Duration = Duration::from_secs(5 * 60);

/// Two expiries of one token differ by less than this plus the duration of the exchange if the issuer rounds
/// to whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// Holds the newest token, and what its issuer and the API have said about it.
#[derive(Clone, Debug)]
pub struct Held {
    pub(super) token: AccessToken,
    /// When the last request was sent whose response returned it.
    last_returned: Timestamp,
    unauthorized: Unauthorized,
}

/// Records whether the API has rejected a token with a 401.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unauthorized {
    /// It has not.
    None,
    /// It has, at this time: the token is not attached, and another one is fetched.
    Since(Timestamp),
    /// It has, and a request sent after that returned the same token.
    Reissued,
}

impl Held {
    /// Creates the token of `generation`, which the issuer returned to a request sent at `sent`.
    pub fn new(bearer: Bearer, generation: u64, schedule: Schedule, sent: Timestamp) -> Self {
        Self {
            token: AccessToken::new(bearer, generation, schedule),
            last_returned: sent,
            unauthorized: Unauthorized::None,
        }
    }

    /// Creates the same token, returned again: it keeps its generation and gets a new schedule.
    pub fn reissued(self, bearer: Bearer, schedule: Schedule, sent: Timestamp) -> Self {
        let unauthorized = match self.unauthorized {
            // The response to an earlier request does not confirm the token.
            Unauthorized::Since(at) if sent.monotonic_nanos() >= at.monotonic_nanos() => {
                Unauthorized::Reissued
            }
            before => before,
        };
        Self {
            unauthorized,
            ..Self::new(bearer, self.token.generation(), schedule, sent)
        }
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

    /// Records a 401 from the API: the token is not attached until its issuer returns it again.
    pub fn unauthorized(&mut self, now: Timestamp) {
        self.unauthorized = Unauthorized::Since(now);
    }

    /// Returns whether it may be attached at `now`.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.unauthorized_at().is_none() && self.token.is_usable(now)
    }

    /// Returns when the API rejected it, unless its issuer has returned it since.
    pub fn unauthorized_at(&self) -> Option<Timestamp> {
        match self.unauthorized {
            Unauthorized::Since(at) => Some(at),
            Unauthorized::None | Unauthorized::Reissued => None,
        }
    }

    /// Returns whether a 401 at `now` invalidates it.
    pub fn accepts_unauthorized(&self, now: Timestamp) -> bool {
        let trusted_until = (self.last_returned + TRUSTED).on_monotonic();
        match self.unauthorized {
            Unauthorized::None => true,
            Unauthorized::Since(_) => false,
            Unauthorized::Reissued => trusted_until.has_passed(now),
        }
    }

    pub fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
