use std::convert::Infallible;

use http::{HeaderMap, HeaderValue};
use tower_service::Service;

use super::{ReplayRequest, Second, challenge};
use crate::{BoxError, auth::AuthRequest, cache::Attached};

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

/// Sends no call a second time: what [`EnkashAuthLayer`](crate::EnkashAuthLayer) does by default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct NoReplay;

/// Selects whether calls through a service `S` are sent a second time. Sealed: [`NoReplay`], or a
/// [`ReplayPolicy`].
pub trait Replay<S, Req>: sealed::Sealed
where
    S: Service<Req>,
{
    /// What is kept of a call for a second one.
    #[doc(hidden)]
    type Kept;

    /// Keeps what a second call needs, or returns `None` if there will be none.
    #[doc(hidden)]
    fn keep(&self, request: &mut Req, inner: &S) -> Option<Self::Kept>;

    /// Prepares the second call after `response` to the token that was `attached`, or returns the response if
    /// there is to be none.
    #[doc(hidden)]
    fn second(
        kept: Self::Kept,
        response: S::Response,
        attached: Attached,
    ) -> Result<Second<S, Req>, S::Response>;
}

/// Keeps a copy of a request, and a service to send it with.
#[derive(Debug)]
pub struct Kept<S, Req> {
    request: Req,
    not_ready_inner: S,
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
}

impl<S, Req> Replay<S, Req> for NoReplay
where
    S: Service<Req>,
{
    type Kept = Infallible;

    #[inline(always)]
    fn keep(&self, _: &mut Req, _: &S) -> Option<Infallible> {
        None
    }

    fn second(
        kept: Infallible,
        _: S::Response,
        _: Attached,
    ) -> Result<Second<S, Req>, S::Response> {
        match kept {}
    }
}

impl<S, Req> Replay<S, Req> for ReplayPolicy
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response> + ReplayRequest,
{
    type Kept = Kept<S, Req>;

    fn keep(&self, request: &mut Req, inner: &S) -> Option<Kept<S, Req>> {
        Some(Kept {
            request: request.try_copy()?,
            not_ready_inner: inner.clone(),
            is_safe_twice: request.method().is_idempotent()
                || self.trusts_idempotency_key && has_idempotency_key(request.headers_mut()),
        })
    }

    fn second(
        kept: Kept<S, Req>,
        response: S::Response,
        attached: Attached,
    ) -> Result<Second<S, Req>, S::Response> {
        Second::new(kept, response, attached)
    }
}

impl<S, Req> Kept<S, Req> {
    /// Returns the service, which is not ready, and the request.
    pub fn into_parts(self) -> (S, Req) {
        (self.not_ready_inner, self.request)
    }

    /// Returns whether the first call did nothing, by its `response`, a 401.
    pub fn did_nothing<Res>(&self, response: &Res) -> bool
    where
        Req: AuthRequest<Res>,
    {
        self.is_safe_twice
            || self.request.was_not_redirected(response)
                && challenge::has_invalid_token(Req::response_headers(response))
    }
}

/// Returns whether there is exactly one key. How an API treats a blank one, or two, is undocumented.
fn has_idempotency_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all("idempotency-key").iter();
    let is_key = |key: &HeaderValue| !key.as_bytes().trim_ascii().is_empty();
    keys.next().is_some_and(is_key) && keys.next().is_none()
}

mod sealed {
    /// Marks the policies of this crate.
    pub trait Sealed {}

    impl Sealed for super::NoReplay {}
    impl Sealed for super::ReplayPolicy {}
}
