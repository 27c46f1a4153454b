use http::{HeaderMap, HeaderValue, Method};

use super::challenge;

/// Decides which calls are replayed after a 401 for our token.
///
/// Those with an idempotent method (RFC 9110 section 9.2.2), or a response with the challenge
/// `WWW-Authenticate: Bearer …, error="invalid_token"` (RFC 6750 section 3.1): the server did not act.
/// Never after 403, a timeout or 5xx.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::ReplayPolicy;
///
/// // This API honours the header.
/// let policy = ReplayPolicy::default().trust_idempotency_key();
/// assert_ne!(policy, ReplayPolicy::default());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReplayPolicy {
    trusts_idempotency_key: bool,
}

/// Holds what the decision needs of a sent request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    is_safe_twice: bool,
}

impl ReplayPolicy {
    /// Accepts an `Idempotency-Key` header as proof, too. EnKash documents none: this is for an API that
    /// honours it.
    #[must_use]
    pub fn trust_idempotency_key(mut self) -> Self {
        self.trusts_idempotency_key = true;
        self
    }

    pub(super) fn inspect(self, method: &Method, headers: &HeaderMap) -> Sent {
        let is_safe_twice =
            method.is_idempotent() || (self.trusts_idempotency_key && has_idempotency_key(headers));
        Sent { is_safe_twice }
    }
}

impl Sent {
    /// Returns whether the call did nothing, by the `headers` of a 401.
    pub(super) fn did_nothing(self, headers: &HeaderMap) -> bool {
        self.is_safe_twice || challenge::has_invalid_token(headers)
    }
}

/// Returns whether there is exactly one key. How an API treats a blank one, or two, is undocumented.
fn has_idempotency_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all("idempotency-key").iter();
    let is_key = |key: &HeaderValue| !key.as_bytes().trim_ascii().is_empty();
    keys.next().is_some_and(is_key) && keys.next().is_none()
}
