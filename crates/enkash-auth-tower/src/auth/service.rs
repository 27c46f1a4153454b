use std::task::{Context, Poll};

use enkash_auth_core::{Error, ErrorKind, state::Lookup};
use http::header::AUTHORIZATION;
use tower_service::Service;

use super::{AuthRequest, NotCalled, future::ResponseFuture, later::Later, rules::Rules};
use crate::{
    BoxError,
    cache::{HeaderCopy, Waiting},
    endpoint::IsTokenRequest,
    sync::Arc,
};

/// Puts a token on each request. Made by [`EnkashAuthLayer`](super::EnkashAuthLayer).
///
/// With a fresh token, a call costs no lock, no allocation and no await. Without one, the readied
/// inner service is released while the call waits: it would keep its place in a concurrency limit.
#[derive(Clone, Debug)]
pub struct EnkashAuth<S> {
    inner: S,
    header: HeaderCopy,
    rules: Arc<Rules>,
}

impl<S> EnkashAuth<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self {
            inner,
            header: HeaderCopy::default(),
            rules,
        }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Releases the readied inner service, and its place in a concurrency limit: no call is made now.
    fn give_back(&mut self)
    where
        S: Clone,
    {
        let not_ready_inner = self.inner.clone();
        self.inner = not_ready_inner;
    }

    /// Makes a call that the fast path could not make.
    #[cold]
    fn call_otherwise<Req>(&mut self, mut request: Req) -> ResponseFuture<S, Req>
    where
        S: Service<Req> + Clone,
        Req: AuthRequest<S::Response>,
    {
        if is_token_request(&request) {
            return ResponseFuture::calling(self.inner.call(request), None);
        }
        if !self.rules.allow(request.target()) {
            return self.fail(Rules::blocked(request.target()), &request);
        }
        match self.rules.shared.join() {
            Lookup::Ready(token) => {
                let attached = self.rules.shared.attached(&token);
                let header = token.header().clone();
                request.headers_mut().insert(AUTHORIZATION, header);
                ResponseFuture::calling(self.inner.call(request), Some(attached))
            }
            Lookup::Pending(waiting) => self.call_later(request, Some(waiting)),
            // Called outside a runtime; the future may be polled inside one.
            Lookup::Failed(error) if error.kind() == ErrorKind::NoRuntime => {
                self.call_later(request, None)
            }
            Lookup::Failed(error) => self.fail(error, &request),
        }
    }

    fn call_later<Req>(&mut self, request: Req, waiting: Option<Waiting>) -> ResponseFuture<S, Req>
    where
        S: Service<Req> + Clone,
    {
        self.give_back();
        let shared = Arc::clone(&self.rules.shared);
        let inner = self.inner.clone();
        ResponseFuture::later(Later::waiting(waiting, inner, request, shared))
    }

    fn fail<Req>(&mut self, error: Error, request: &Req) -> ResponseFuture<S, Req>
    where
        S: Service<Req> + Clone,
        Req: AuthRequest<S::Response>,
    {
        self.give_back();
        ResponseFuture::later(Later::failed(NotCalled::mark(error, request)))
    }
}

/// # Errors
///
/// Those of the inner service; and, from the call and before the inner service is called, an
/// [`Error`] that [`NotCalled`] marks: [`ForeignOrigin`](ErrorKind::ForeignOrigin) for a blocked
/// request, and those of [`TokenCache::token`](crate::TokenCache::token).
///
/// # Panics
///
/// As [`TokenCache::token`](crate::TokenCache::token): inside a runtime whose timers are disabled.
impl<S, Req> Service<Req> for EnkashAuth<S>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S, Req>;

    /// Becomes ready when the inner service does. A missing token fails the call, not this: an error from
    /// here means that the service is broken for good.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(NotCalled::unmark)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        if !is_token_request(&request)
            && self.rules.allow(request.target())
            && let Some(attached) = self
                .header
                .attach(request.headers_mut(), &self.rules.shared)
        {
            return ResponseFuture::calling(self.inner.call(request), Some(attached));
        }
        self.call_otherwise(request)
    }
}

/// Returns whether it is a token request, sent through the layer by mistake: it would wait for itself.
#[inline]
fn is_token_request<Req, Res>(request: &Req) -> bool
where
    Req: AuthRequest<Res>,
{
    let extensions = request.extensions();
    extensions.is_some_and(|extensions| extensions.get::<IsTokenRequest>().is_some())
}
