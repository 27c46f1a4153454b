use std::task::{Context, Poll};

use enkash_auth_core::{may_be_token_path, state::Lookup};
use tower_service::Service;

use super::{
    AuthRequest, Head, NoReplay, NotCalled, OneAccount, Replay, SelectAccount, Watched,
    future::ResponseFuture,
    handle::Handle,
    rules::{CallRules, Rules},
};
use crate::{
    BoxError, Error, ErrorKind,
    cache::{HeaderCopy, Shared, Waiting},
    endpoint::IsTokenRequest,
    sync::Arc,
};

/// Attaches a token to each request, and with a [`ReplayPolicy`](crate::ReplayPolicy) sends a call once more if
/// the API rejected its token and nothing can have happened. Made by
/// [`EnkashAuthLayer`](super::EnkashAuthLayer).
///
/// With a fresh token, a call costs no lock, no allocation and no await. Without one, the readied inner service
/// is given back while the call waits: it would keep its place in a concurrency limit.
///
/// Replay costs a clone of the request and of the inner service for each call whose body can be sent a second
/// time. The response to the first call is kept, unread, until the second one has come: it is the caller's if
/// the second call cannot be made. So the inner service must be able to serve two calls at once; one that has a
/// single connection, and no other until a response is read, would wait for itself.
#[derive(Clone, Debug)]
pub struct EnkashAuth<S, P = NoReplay, A = OneAccount> {
    inner: S,
    header: HeaderCopy,
    handle: Handle<A>,
    replay: P,
}

impl<S, P, A> EnkashAuth<S, P, A> {
    pub(super) fn new(inner: S, rules: Arc<Rules<A>>, replay: P) -> Self {
        Self {
            inner,
            header: HeaderCopy::default(),
            handle: Handle::new(rules),
            replay,
        }
    }

    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Gives the readied inner service back, with its place in a concurrency limit: no call is made now.
    fn give_back(&mut self)
    where
        S: Clone,
    {
        let not_ready_inner = self.inner.clone();
        self.inner = not_ready_inner;
    }

    /// Makes a call without a token that may be attached without a look at the response.
    #[cold]
    fn call_otherwise<Req>(
        &mut self,
        request: Req,
        key: A::Key,
        kept: Option<P::Kept>,
    ) -> ResponseFuture<S, Req, P>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
        A: SelectAccount<Req, S::Response>,
    {
        if is_token_request(&request) {
            return ResponseFuture::calling(self.inner.call(request), None, None);
        }
        let slot = self.handle.slot();
        if !slot.rules.allow(&request) {
            return self.fail(CallRules::blocked(request.target()), &request);
        }
        if request.target().is_token_path() {
            return self.fail(CallRules::declined(request.target()), &request);
        }
        let shared = match slot.rules.account.shared(key) {
            Ok(shared) => shared,
            Err(error) => return self.fail(error, &request),
        };
        match Waiting::join(&shared, None) {
            Lookup::Ready(token) => {
                let rules = Arc::clone(&slot.calls);
                let watched = Watched::calling(&mut self.inner, request, &token, shared, rules);
                ResponseFuture::watched(watched, kept)
            }
            Lookup::Pending(waiting) => self.defer(request, Some(waiting), shared, kept),
            // Made outside a runtime; it may well be polled inside one.
            Lookup::Failed(error) if error.kind() == ErrorKind::NoRuntime => {
                self.defer(request, None, shared, kept)
            }
            Lookup::Failed(error) => self.fail(error, &request),
        }
    }

    /// Passes on a token request that was sent through the layer; any other names no account.
    #[cold]
    fn call_without_account<Req>(&mut self, request: Req, error: Error) -> ResponseFuture<S, Req, P>
    where
        S: Service<Req> + Clone,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        if is_token_request(&request) {
            return ResponseFuture::calling(self.inner.call(request), None, None);
        }
        self.fail(error, &request)
    }

    fn defer<Req>(
        &mut self,
        request: Req,
        waiting: Option<Waiting>,
        shared: Arc<Shared>,
        kept: Option<P::Kept>,
    ) -> ResponseFuture<S, Req, P>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        self.give_back();
        let rules = Arc::clone(&self.handle.slot().calls);
        let watched = Watched::new(waiting, self.inner.clone(), request, shared, rules);
        ResponseFuture::watched(watched, kept)
    }

    fn fail<Req>(&mut self, error: Error, request: &Req) -> ResponseFuture<S, Req, P>
    where
        S: Service<Req> + Clone,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        self.give_back();
        ResponseFuture::failed(NotCalled::mark(error, request))
    }
}

/// # Errors
///
/// Those of the inner service; and, from the call and before the inner service is called, an [`Error`] that
/// [`NotCalled`] marks: [`ForeignOrigin`](ErrorKind::ForeignOrigin) for a request that must not see the token,
/// [`TokenRequest`](ErrorKind::TokenRequest) for one to the path of a token request,
/// and those of [`TokenCache::token`](crate::TokenCache::token).
///
/// # Panics
///
/// As [`TokenCache::token`](crate::TokenCache::token): inside a runtime whose timers are disabled.
impl<S, Req, P, A> Service<Req> for EnkashAuth<S, P, A>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
    A: SelectAccount<Req, S::Response>,
{
    type Response = Req::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S, Req, P>;

    /// Becomes ready when the inner service does. A missing token fails the call, not this: an error from here
    /// means that the service is broken for good.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(NotCalled::unmark)
    }

    // Always: out of line, request and future go through memory, which is a fifteenth of an insertion. What
    // follows without a fresh token is out of line.
    #[inline(always)]
    fn call(&mut self, mut request: Req) -> Self::Future {
        let slot = self.handle.slot();
        let rules = &*slot.rules;
        let key = match rules.account.select(&mut request) {
            Ok(key) => key,
            Err(error) => return self.call_without_account(request, error),
        };
        let kept = self.replay.keep(&mut request, &self.inner, &slot.calls);
        if rules.allow(&request)
            && !may_be_token_path(request.target().path())
            && let Some(attached) =
                rules
                    .account
                    .attach(&key, &mut self.header, &slot.header, &mut request)
        {
            return ResponseFuture::calling(self.inner.call(request), Some(attached), kept);
        }
        self.call_otherwise(request, key, kept)
    }
}

fn is_token_request(request: &impl Head) -> bool {
    let extensions = request.extensions();
    extensions.is_some_and(|extensions| extensions.get::<IsTokenRequest>().is_some())
}
