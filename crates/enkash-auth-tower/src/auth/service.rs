use std::task::{Context, Poll};

use enkash_auth_core::ErrorKind;
use http::{Request, header::AUTHORIZATION};
use tower_service::Service;

use super::{future::ResponseFuture, rules::Rules, slow::Slow};
use crate::{
    BoxError,
    cache::{HeaderCopy, Started, Waiting},
    endpoint::IsTokenRequest,
    sync::Arc,
};

/// A service whose requests carry a token. Made by [`EnkashAuthLayer`](super::EnkashAuthLayer).
///
/// With a fresh token, a call costs no lock, no allocation and no await. Without one, the readied
/// inner service is given back while the call waits: it would keep its place in a concurrency limit.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{EnkashAuth, EnkashAuthLayer, TokenCache, TokenEndpoint};
/// use tower::Layer;
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let service: EnkashAuth<&str> = EnkashAuthLayer::new(tokens).layer("any client");
/// assert_eq!(service.get_ref(), &"any client");
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
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

    /// The service below.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service below.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service below.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Gives the readied inner service back: the call readies one of its own when it has a token.
    #[cold]
    fn call_later<B>(
        &mut self,
        request: Request<B>,
        waiting: Option<Waiting>,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>> + Clone,
    {
        let not_ready_inner = self.inner.clone();
        let ready_inner = std::mem::replace(&mut self.inner, not_ready_inner.clone());
        drop(ready_inner);
        let shared = Arc::clone(&self.rules.shared);
        ResponseFuture::waiting(Slow::new(waiting, not_ready_inner, request, shared))
    }
}

impl<S, B> Service<Request<B>> for EnkashAuth<S>
where
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S, B>;

    /// Ready when the service below is. A missing token is the call's affair, not this one's: an
    /// error from here would mean that the service is broken for good.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.extensions().get::<IsTokenRequest>().is_some() {
            return ResponseFuture::calling(self.inner.call(request));
        }
        if !self.rules.allow(request.uri()) {
            return ResponseFuture::failed(Rules::refusal(request.uri()));
        }
        let header = match self.header.get(&self.rules.shared) {
            Some(header) => header,
            None => match self.rules.shared.start() {
                Started::Token(token) => token.header().clone(),
                Started::Waiting(waiting) => return self.call_later(request, Some(waiting)),
                // Made outside a runtime; it may well be polled inside one.
                Started::Failed(error) if error.kind() == ErrorKind::NoRuntime => {
                    return self.call_later(request, None);
                }
                Started::Failed(error) => return ResponseFuture::failed(error),
            },
        };
        request.headers_mut().insert(AUTHORIZATION, header);
        ResponseFuture::calling(self.inner.call(request))
    }
}
