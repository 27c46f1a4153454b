use crate::{AccessToken, Bearer, Moment};

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
    /// When the API refused it, if it did.
    pub(super) refused_at: Option<Moment>,
}

/// What the API has said of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// Nothing bad.
    None,
    /// It was refused: it is attached to nothing, and another one is fetched.
    Standing,
    /// It was refused, and the issuer says it is good: one fetch was enough.
    Answered,
}

impl Held {
    /// Whether it may be attached at `now`.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        self.refusal != Refusal::Standing && self.token.is_usable(now)
    }

    pub(super) fn is(&self, bearer: &Bearer) -> bool {
        self.token.bearer() == bearer
    }
}
