use std::time::Duration;

use crate::{
    AccessToken, Bearer, RefreshPolicy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

/// For so long an issuer is believed that has answered a refusal with the same token: an API that says
/// 401 for reasons of its own costs a fetch as often, and a token that is revoked meanwhile that time.
const BELIEVED: Duration = Duration::from_secs(5 * 60);

/// Two ends of one token differ by less than this, and the time that the exchange took, where the
/// issuer rounds to whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// Holds the newest token, and what was seen of it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) token: AccessToken,
    /// When the issuer was last asked and returned it.
    last_returned: Timestamp,
    unauthorized: Unauthorized,
}

/// Says what the API has said of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unauthorized {
    /// Nothing bad.
    None,
    /// It was refused then: it is attached to nothing, and another one is fetched.
    Since(Timestamp),
    /// It was refused, and the issuer, asked after that, says it is good.
    Reissued,
}

impl Held {
    /// Holds the token of `generation`, which the issuer returned when asked at `sent`.
    pub(super) fn new(
        bearer: Bearer,
        generation: u64,
        schedule: Schedule,
        sent: Timestamp,
    ) -> Self {
        Self {
            token: AccessToken::new(bearer, generation, schedule),
            last_returned: sent,
            unauthorized: Unauthorized::None,
        }
    }

    /// Holds the same token, returned again: it keeps its generation and gets a new schedule.
    pub(super) fn reissued(self, bearer: Bearer, schedule: Schedule, sent: Timestamp) -> Self {
        let unauthorized = match self.unauthorized {
            // An issuer that was asked before knows nothing of it.
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
    /// Each response gives a lower bound of its end, so of two that rounding explains the later one
    /// is right. A token that was prolonged is refreshed like a new one: asking early has helped.
    pub(super) fn reused(
        &self,
        lifetime: &Lifetime,
        now: Timestamp,
        jitter: f64,
        policy: &RefreshPolicy,
    ) -> Option<Schedule> {
        let said = lifetime.length()?;
        let expiry = self.token.schedule().expiry().monotonic_nanos();
        let known = expiry.saturating_sub(lifetime.sent().monotonic_nanos());
        let known = Duration::from_nanos(known);
        let rounding = ROUNDING + lifetime.age(now);
        if said > known + rounding {
            return Schedule::new(lifetime, policy, jitter);
        }
        let is_rounded = known > said && known <= said + rounding;
        let length = if is_rounded { known } else { said };
        let length = length.min(Lifetime::LONGEST);
        Some(Schedule::reused(lifetime.sent(), length))
    }

    /// Records that the API refused it: it is attached to nothing until its issuer returns it again.
    pub(super) fn unauthorized(&mut self, now: Timestamp) {
        self.unauthorized = Unauthorized::Since(now);
    }

    /// Returns whether it may be attached at `now`.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.unauthorized_at().is_none() && self.token.is_usable(now)
    }

    /// Returns when the API refused it, where that stands.
    pub(super) fn unauthorized_at(&self) -> Option<Timestamp> {
        match self.unauthorized {
            Unauthorized::Since(at) => Some(at),
            Unauthorized::None | Unauthorized::Reissued => None,
        }
    }

    /// Returns whether a refusal at `now` says what is not known yet.
    pub(super) fn is_in_doubt(&self, now: Timestamp) -> bool {
        let believed = (self.last_returned + BELIEVED).on_monotonic();
        match self.unauthorized {
            Unauthorized::None => true,
            Unauthorized::Since(_) => false,
            Unauthorized::Reissued => believed.has_passed(now),
        }
    }

    pub(super) fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
