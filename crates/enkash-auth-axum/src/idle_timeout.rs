use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, NotSent};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::Service;

use crate::proxy_body::ProxyBody;

/// Limits how long a call may make no progress: the request body, then the response head, then each
/// frame of the response body.
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
        let response = self.inner.call(request);
        Box::pin(async move {
            match progress.watch(limit, response).await {
                Some(Ok(response)) => Ok(response.map(|inner| {
                    let timer = None;
                    Body::new(ResponseBody {
                        inner,
                        limit,
                        timer,
                    })
                })),
                Some(Err(error)) => Err(UpstreamError::Failed(error.into())),
                None => Err(UpstreamError::TimedOut),
            }
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

pin_project! {
    /// The response body, with a limit for each frame.
    ///
    /// The timer runs only while the body is polled: a slow caller does not count.
    struct ResponseBody<B> {
        #[pin]
        inner: B,
        limit: Duration,
        // Set while a frame is pending.
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            this.timer.set(None);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep(*this.limit)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        tracing::warn!("timed out reading the upstream's response body");
        Poll::Ready(Some(Err(UpstreamError::TimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    /// Hides that a body is empty: a response to `HEAD`, or a 304, describes a body that it does not
    /// have. Only its own `Content-Length` states that length; for an exact hint of 0 the router
    /// would insert 0.
    fn size_hint(&self) -> SizeHint {
        let hint = self.inner.size_hint();
        match hint.exact() {
            Some(0) => SizeHint::default(),
            _ => hint,
        }
    }
}
