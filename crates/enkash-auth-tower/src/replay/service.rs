use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{ReplayBody, ReplayFuture, ReplayPolicy, body::try_clone, policy::Sent};
use crate::{
    BoxError,
    auth::{AuthRequest, EnkashAuth, EnkashAuthLayer},
};

/// Applies [`EnkashAuthLayer`], and replays unauthorized calls. Made by
/// [`EnkashAuthLayer::replay`].
#[derive(Clone, Debug)]
pub struct ReplayLayer {
    auth: EnkashAuthLayer,
    policy: ReplayPolicy,
}

impl ReplayLayer {
    pub(crate) fn new(auth: EnkashAuthLayer, policy: ReplayPolicy) -> Self {
        Self { auth, policy }
    }
}

impl<S> Layer<S> for ReplayLayer {
    type Service = Replay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Replay {
            inner: self.auth.layer(inner),
            policy: self.policy,
        }
    }
}

/// Puts a token on each request, and replays it after a 401 if the first call provably did nothing. Made
/// by [`ReplayLayer`].
///
/// It costs a clone of the request and of the inner service for each call whose body can be sent a
/// second time.
///
/// A 401 response is kept, unread, until the second call has a response: the caller gets it if that one
/// cannot be sent. So the inner service must be able to serve two concurrent calls; one that has a single
/// connection, and no other until a response is read, would wait for itself.
#[derive(Clone, Debug)]
pub struct Replay<S> {
    inner: EnkashAuth<S>,
    policy: ReplayPolicy,
}

impl<S> Replay<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &EnkashAuth<S> {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut EnkashAuth<S> {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> EnkashAuth<S> {
        self.inner
    }

    pub(super) fn inspect(&self, method: &Method, headers: &HeaderMap) -> Sent {
        self.policy.inspect(method, headers)
    }

    /// Sends `request`, and `copy` after it if the policy allows it.
    pub(super) fn send<Req>(
        &mut self,
        request: Req,
        copy: Option<Req>,
        sent: Sent,
    ) -> ReplayFuture<S, Req>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
    {
        let second = copy.map(|copy| (copy, self.inner.clone()));
        ReplayFuture::new(self.inner.call(request), sent, second)
    }
}

impl<S, B, R> Service<Request<B>> for Replay<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: ReplayBody,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ReplayFuture<S, Request<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let copy = try_clone(&request);
        let sent = self.inspect(request.method(), request.headers());
        self.send(request, copy, sent)
    }
}
