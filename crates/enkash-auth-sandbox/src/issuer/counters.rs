//! What the issuer counts.

use serde::Serialize;

use super::Issuer;

/// What the issuer has seen since its start, or since the last
/// [`reset_counters`](Issuer::reset_counters).
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::Issuer;
///
/// let issuer = Issuer::default();
/// assert_eq!(issuer.counters().token_requests, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// POST requests to a token endpoint, whatever became of them.
    pub token_requests: u64,
    /// The most token requests that were under way at one time.
    pub token_requests_at_once: u64,
    /// Token requests that were answered with a token.
    pub grants: u64,
    /// Grants for which a token was minted; the others answered one that was there.
    pub minted: u64,
    /// Grants for a refresh token.
    pub refreshes: u64,
    /// Token requests that were refused for what they asked or who they were.
    pub rejections: u64,
    /// Requests to API paths, whatever became of them.
    pub api_calls: u64,
    /// Requests to API paths that were refused for their token.
    pub api_refusals: u64,
    /// Requests that a [fault to order](crate::Fault) struck.
    pub faults: u64,
    /// Requests at `/-/sandbox/trap`, where [`Fault::Redirect`](crate::Fault::Redirect) leads: made
    /// by a client that carries its password to wherever it is sent.
    pub redirects_followed: u64,
}

/// A token request under way, counted until it is dropped.
pub(crate) struct TokenCall {
    issuer: Issuer,
}

impl TokenCall {
    pub(crate) fn begin(issuer: Issuer) -> Self {
        issuer.count(|state| {
            state.calls_open += 1;
            let counters = &mut state.counters;
            counters.token_requests += 1;
            counters.token_requests_at_once = counters.token_requests_at_once.max(state.calls_open);
        });
        Self { issuer }
    }
}

impl Drop for TokenCall {
    fn drop(&mut self) {
        self.issuer.count(|state| state.calls_open -= 1);
    }
}
