use std::{
    fmt,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, ReplayBody};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

/// The upper limit of timeouts, thirty years, so that no timer overflows.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The body of a forwarded request: buffered, or streamed as the caller sends it.
///
/// A buffered body can be cloned, so that the request can be replayed. Its memory counts against the
/// proxy's budget until the last copy is dropped. Trailers are not forwarded: they could carry
/// headers that the proxy removes.
pub struct ProxyBody {
    content: Content,
    progress: Progress,
}

enum Content {
    /// `None` once sent.
    Collected(Option<Bytes>),
    Streaming(Body),
}

impl ProxyBody {
    /// Creates a body that is completely in memory.
    pub fn collected(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Collected(Some(bytes.into())))
    }

    /// Creates a body that streams with backpressure.
    pub fn streaming(body: Body) -> Self {
        Self::new(Content::Streaming(body))
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    fn new(content: Content) -> Self {
        Self {
            content,
            progress: Progress::new(),
        }
    }
}

impl ReplayBody for ProxyBody {
    /// Returns a copy of the body if it is buffered and was not sent yet.
    fn try_clone(&self) -> Option<Self> {
        match &self.content {
            Content::Collected(bytes) => bytes.clone().map(Self::collected),
            Content::Streaming(_) => None,
        }
    }
}

impl HttpBody for ProxyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match &mut self.content {
            Content::Collected(bytes) => {
                let bytes = bytes.take_if(|bytes| !bytes.is_empty());
                bytes.map(|bytes| Ok(Frame::data(bytes)))
            }
            Content::Streaming(body) => ready!(Pin::new(body).poll_frame(cx)),
        };
        self.progress.touch();
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_trailers() => None,
            frame => frame.map(|frame| frame.map_err(Into::into)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Collected(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Collected(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Streaming(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content belongs to the caller and may be sensitive.
        let name = match &self.content {
            Content::Collected(_) => "ProxyBody::Collected",
            Content::Streaming(_) => "ProxyBody::Streaming",
        };
        f.debug_struct(name)
            .field("size_hint", &self.size_hint())
            .finish_non_exhaustive()
    }
}

/// When a body last made progress. Shared by clones: the body writes, the wait for the response reads.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    start: Instant,
    /// Milliseconds after the start.
    last: Arc<AtomicU64>,
}

impl Progress {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            last: Arc::default(),
        }
    }

    /// Records progress now.
    pub(crate) fn touch(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed, Ordering::Relaxed);
    }

    /// Returns the output of `future`, or `None` if the body makes no progress for `limit` before that.
    pub(crate) async fn watch<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let limit = limit.min(NEVER);
        let mut future = pin!(future);
        loop {
            let end = self.last() + limit;
            if let Ok(output) = timeout_at(end, &mut future).await {
                return Some(output);
            }
            if self.last() + limit <= end {
                return None;
            }
        }
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}
