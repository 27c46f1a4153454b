use std::time::Duration;

use crate::{AccessToken, Bearer, Moment};

/// For so long an issuer is believed that has answered a refusal with the same token: an API that says
/// 401 for reasons of its own costs a fetch as often, and a token that is revoked meanwhile that time.
const BELIEVED: Duration = Duration::from_secs(5 * 60);

/// The token at hand, and what was seen of it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) token: AccessToken,
    /// When it had come: it was minted before.
    pub(super) first_seen: Moment,
    /// When the issuer was last asked and answered with it: it died later.
    pub(super) last_alive: Moment,
    /// When to ask for the next one, where the issuer would only repeat this one before.
    pub(super) next: Option<Moment>,
    pub(super) refusal: Refusal,
}

/// What the API has said of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// Nothing bad.
    None,
    /// It was refused then: it is attached to nothing, and another one is fetched.
    Standing(Moment),
    /// It was refused, and the issuer, asked after that, says it is good.
    Answered,
}

impl Held {
    /// Whether it may be attached at `now`.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        self.refused_at().is_none() && self.token.is_usable(now)
    }

    /// When the API refused it, where that stands.
    pub(super) fn refused_at(&self) -> Option<Moment> {
        match self.refusal {
            Refusal::Standing(at) => Some(at),
            Refusal::None | Refusal::Answered => None,
        }
    }

    /// Whether a refusal at `now` says what is not known yet.
    pub(super) fn is_in_doubt(&self, now: Moment) -> bool {
        match self.refusal {
            Refusal::None => true,
            Refusal::Standing(_) => false,
            Refusal::Answered => self.last_alive.plus(BELIEVED).on_monotonic().is_over(now),
        }
    }

    pub(super) fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
