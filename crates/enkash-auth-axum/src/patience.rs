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

/// Waits for an answer as long as the request's body moves, and then no longer than `limit`; so
/// too for each piece of the answer's body.
#[derive(Clone, Debug)]
pub(crate) struct Patience<S> {
    inner: S,
    limit: Duration,
}

impl<S> Patience<S> {
    pub(crate) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<S, B> Service<Request<ProxyBody>> for Patience<S>
where
    S: Service<Request<ProxyBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Lost;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Lost>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        self.inner
            .poll_ready(cx)
            .map_err(|error| Lost::NotReady(NotSent::new(error).into()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> Self::Future {
        let limit = self.limit;
        let progress = request.body().progress().clone();
        progress.touch();
        let answer = self.inner.call(request);
        Box::pin(async move {
            match progress.watch(limit, answer).await {
                Some(Ok(response)) => Ok(response.map(|inner| {
                    let timer = None;
                    Body::new(AnswerBody {
                        inner,
                        limit,
                        timer,
                    })
                })),
                Some(Err(error)) => Err(Lost::Failed(error.into())),
                None => Err(Lost::Unanswered),
            }
        })
    }
}

/// Why a call towards the upstream has no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The client was not ready for it, and not called.
    NotReady(BoxError),
    /// Neither did an answer come nor the request's body move for as long as either may take.
    Unanswered,
    /// The client failed.
    Failed(BoxError),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady(_) => "client not ready",
            Self::Unanswered => "no answer in time",
            Self::Failed(_) => "call failed",
        })
    }
}

impl StdError for Lost {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotReady(source) | Self::Failed(source) => Some(&**source),
            Self::Unanswered => None,
        }
    }
}

pin_project! {
    /// The upstream's body, each piece of which comes in time or not at all.
    ///
    /// Only an upstream that is waited for is timed, not a caller that takes nothing.
    struct AnswerBody<B> {
        #[pin]
        inner: B,
        limit: Duration,
        // While a piece is waited for.
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<B> HttpBody for AnswerBody<B>
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
        tracing::warn!("the upstream's answer stopped half-way");
        Poll::Ready(Some(Err(Lost::Unanswered.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    /// Of an empty body nothing: an answer to `HEAD`, or a 304, is about a body that it does not
    /// have. How long that one is, only its own `Content-Length` says; a router that knew this one
    /// to be empty would put 0 there.
    fn size_hint(&self) -> SizeHint {
        let hint = self.inner.size_hint();
        match hint.exact() {
            Some(0) => SizeHint::default(),
            _ => hint,
        }
    }
}
