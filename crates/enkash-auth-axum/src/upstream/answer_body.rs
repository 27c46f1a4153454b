use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use enkash_auth_tower::BoxError;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::Lost;

pin_project! {
    /// The upstream's body, each piece of which comes in time or not at all.
    ///
    /// Only an upstream that is waited for is timed, not a caller who takes nothing.
    pub(super) struct AnswerBody<B> {
        #[pin]
        inner: B,
        limit: Duration,
        // While a piece is waited for.
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<B> AnswerBody<B> {
    pub(super) fn new(inner: B, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            timer: None,
        }
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body,
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
