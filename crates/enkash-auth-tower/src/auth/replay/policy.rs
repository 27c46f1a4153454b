use std::convert::Infallible;

use http::{HeaderMap, HeaderValue, StatusCode};
use tower_service::Service;

use super::{ReplayRequest, Second};
use crate::{
    BoxError,
    auth::{AuthRequest, Evidence, Looked, Watched, rules::CallRules},
    cache::Shared,
    sync::Arc,
};

/// Decides which calls are replayed after a response that rejects our token.
///
/// Those with an idempotent method (RFC 9110 section 9.2.2), or with [proof](Evidence::Proof) that the server
/// did not act, such as the challenge `WWW-Authenticate: Bearer …, error="invalid_token"` (RFC 6750 section
/// 3.1). Never after 403, a timeout or 5xx.
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
    trusts_success: bool,
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
    Req: AuthRequest<S::Response>,
{
    /// What is kept of a call for a second one.
    #[doc(hidden)]
    type Kept;

    /// Keeps what a second call needs, or returns `None` if there will be none.
    #[doc(hidden)]
    fn keep(&self, request: &mut Req, inner: &S, rules: &Arc<CallRules>) -> Option<Self::Kept>;

    /// Prepares the second call after a response, or returns that if there is to be none.
    #[doc(hidden)]
    fn second(
        kept: Self::Kept,
        looked: Looked<Req::Response>,
    ) -> Result<Second<S, Req>, Req::Response>;
}

/// Keeps a copy of a request, and a service to send it with.
#[derive(Debug)]
pub struct Kept<S, R> {
    request: R,
    not_ready_inner: S,
    rules: Arc<CallRules>,
    is_safe_twice: bool,
    trusts_success: bool,
}

impl ReplayPolicy {
    /// Accepts an `Idempotency-Key` header as proof, too. EnKash documents none: this is for an API that
    /// honours it.
    #[must_use]
    pub fn trust_idempotency_key(mut self) -> Self {
        self.trusts_idempotency_key = true;
        self
    }

    /// Accepts [`Evidence::ProofForCall`], too, whatever the method: a body under a 2xx that rejects a token, if
    /// the API carries out nothing then.
    #[must_use]
    pub fn trust_success(mut self) -> Self {
        self.trusts_success = true;
        self
    }
}

impl<S, Req> Replay<S, Req> for NoReplay
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
{
    type Kept = Infallible;

    #[inline(always)]
    fn keep(&self, _: &mut Req, _: &S, _: &Arc<CallRules>) -> Option<Infallible> {
        None
    }

    fn second(kept: Infallible, _: Looked<Req::Response>) -> Result<Second<S, Req>, Req::Response> {
        match kept {}
    }
}

impl<S, Req> Replay<S, Req> for ReplayPolicy
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response> + ReplayRequest,
{
    type Kept = Kept<S, Req::Copy>;

    #[inline]
    fn keep(&self, request: &mut Req, inner: &S, rules: &Arc<CallRules>) -> Option<Self::Kept> {
        let is_safe_twice = request.method().is_idempotent()
            || self.trusts_idempotency_key && has_idempotency_key(request.headers_mut());
        // Last: what is read after the copy costs another move of it.
        request.try_copy().map(|request| Kept {
            request,
            not_ready_inner: inner.clone(),
            rules: Arc::clone(rules),
            is_safe_twice,
            trusts_success: self.trusts_success,
        })
    }

    fn second(
        kept: Self::Kept,
        looked: Looked<Req::Response>,
    ) -> Result<Second<S, Req>, Req::Response> {
        if looked.evidence == Evidence::Nothing {
            return Err(looked.response);
        }
        Second::new(kept.with_request(), looked)
    }
}

impl<S, R> Kept<S, R> {
    /// Returns the same, with the request that was copied.
    fn with_request<Req>(self) -> Kept<S, Req>
    where
        Req: ReplayRequest<Copy = R>,
    {
        Kept {
            request: Req::from_copy(self.request),
            not_ready_inner: self.not_ready_inner,
            rules: self.rules,
            is_safe_twice: self.is_safe_twice,
            trusts_success: self.trusts_success,
        }
    }
}

impl<S, Req> Kept<S, Req> {
    /// Prepares the second call: it looks up its token when it is polled.
    pub(super) fn into_call(self, shared: Arc<Shared>) -> Watched<S, Req>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
    {
        let Self {
            request,
            not_ready_inner,
            rules,
            ..
        } = self;
        Watched::new(None, not_ready_inner, request, shared, rules)
    }

    /// Returns whether the call may be sent again with another token: the first did nothing, by its response.
    pub fn may_repeat<Res>(&self, first: &Looked<Req::Response>) -> bool
    where
        Req: AuthRequest<Res>,
    {
        let status = first.status;
        if matches!(status, StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT)
            || status.is_server_error()
        {
            return false;
        }
        let is_proof = match first.evidence {
            Evidence::Proof => true,
            Evidence::ProofForCall => self.trusts_success,
            Evidence::Doubt => false,
            Evidence::Nothing | Evidence::NeedsBody => return false,
        };
        self.is_safe_twice || is_proof && self.request.was_not_redirected(&first.response)
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
