use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use enkash_auth_tower::BoxError;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// A body with a limit for each frame.
    ///
    /// The timer runs only while the body is polled: a slow reader does not count.
    pub(crate) struct TimedBody<B> {
        #[pin]
        inner: B,
        limit: Duration,
        why: &'static str,
        // Set while a frame is pending.
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<B> TimedBody<B> {
    /// Creates a body that fails with the text `why`.
    pub(crate) fn new(inner: B, limit: Duration, why: &'static str) -> Self {
        Self {
            inner,
            limit,
            why,
            timer: None,
        }
    }
}

impl<B> Body for TimedBody<B>
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
        tracing::warn!("{}", this.why);
        let error = io::Error::new(io::ErrorKind::TimedOut, *this.why);
        Poll::Ready(Some(Err(error.into())))
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
