use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, NotSent};
use http::{Request, Response, header::AUTHORIZATION};
use http_body::Body as HttpBody;
use tower::Service;

use crate::{echo, proxy_body::ProxyBody, timed_body::TimedBody};

/// Limits how long a call may make no progress: the request body, then the response head, then each
/// frame of the response body. A response does not repeat the token of its request.
#[derive(Clone, Debug)]
pub(crate) struct IdleTimeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> IdleTimeout<S> {
    pub(crate) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<S, B> Service<Request<ProxyBody>> for IdleTimeout<S>
where
    S: Service<Request<ProxyBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        self.inner
            .poll_ready(cx)
            .map_err(|error| UpstreamError::Failed(NotSent::new(error).into()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> Self::Future {
        let limit = self.limit;
        let progress = request.body().progress().clone();
        progress.touch();
        let authorization = request.headers().get(AUTHORIZATION).cloned();
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = match progress.watch(limit, response).await {
                Some(Ok(response)) => response,
                Some(Err(error)) => return Err(UpstreamError::Failed(error.into())),
                None => return Err(UpstreamError::TimedOut),
            };
            let why = "timed out reading the upstream's response body";
            let response = response.map(|body| Body::new(TimedBody::new(body, limit, why)));
            Ok(echo::mask(response, authorization.as_ref()).await)
        })
    }
}

/// Why a call to the upstream has no response.
#[derive(Debug)]
pub(crate) enum UpstreamError {
    /// Neither a response nor a frame of the request body arrived within the limit.
    TimedOut,
    /// The client failed, or was not ready, which proves that nothing was sent.
    Failed(BoxError),
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out waiting for a response",
            Self::Failed(_) => "call failed",
        })
    }
}

impl StdError for UpstreamError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(source) => Some(&**source),
            Self::TimedOut => None,
        }
    }
}
