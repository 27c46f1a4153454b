use std::{
    error::Error as StdError,
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
use enkash_auth_tower::{BoxError, replay::ReplayBody};
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
    /// What was read of the body already, until it is sent, and the rest.
    Streaming(Option<Bytes>, Body),
}

impl ProxyBody {
    /// Creates a body that is completely in memory.
    pub fn collected(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Collected(Some(bytes.into())))
    }

    /// Creates a body that streams with backpressure.
    pub fn streaming(body: Body) -> Self {
        Self::new(Content::Streaming(None, body))
    }

    /// Creates a body that begins with `read` and streams the `rest`.
    pub(crate) fn begun(read: Bytes, rest: Body) -> Self {
        Self::new(Content::Streaming(Some(read), rest))
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    fn new(content: Content) -> Self {
        let progress = Progress::new();
        Self { content, progress }
    }
}

impl ReplayBody for ProxyBody {
    /// Returns a copy of the body if it is buffered and was not sent yet.
    fn try_clone(&self) -> Option<Self> {
        let Content::Collected(Some(bytes)) = &self.content else {
            return None;
        };
        Some(Self {
            content: Content::Collected(Some(bytes.clone())),
            progress: self.progress.clone(),
        })
    }
}

impl HttpBody for ProxyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { content, progress } = &mut *self;
        let frame = match content {
            Content::Collected(bytes) => in_a_frame(bytes),
            Content::Streaming(read, rest) => match in_a_frame(read) {
                None => {
                    progress.pause();
                    ready!(Pin::new(rest).poll_frame(cx))
                }
                read => read,
            },
        };
        progress.touch();
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_trailers() => None,
            frame => frame.map(|frame| frame.map_err(|error| BadBody(error).into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Collected(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Streaming(read, rest) => {
                read.as_ref().is_none_or(Bytes::is_empty) && rest.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Collected(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Streaming(read, rest) => {
                let (read, rest) = (read.as_ref().map_or(0, Bytes::len) as u64, rest.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(read));
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(read));
                }
                hint
            }
        }
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content belongs to the caller and may be sensitive.
        let name = match &self.content {
            Content::Collected(_) => "ProxyBody::Collected",
            Content::Streaming(..) => "ProxyBody::Streaming",
        };
        f.debug_struct(name)
            .field("size_hint", &self.size_hint())
            .finish_non_exhaustive()
    }
}

/// Why the caller's body ended early: it was malformed, or the caller disconnected.
#[derive(Debug)]
pub(crate) struct BadBody(axum::Error);

impl fmt::Display for BadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body was malformed or incomplete")
    }
}

impl StdError for BadBody {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

/// Takes what is not empty.
fn in_a_frame(bytes: &mut Option<Bytes>) -> Option<Result<Frame<Bytes>, axum::Error>> {
    let bytes = bytes.take_if(|bytes| !bytes.is_empty())?;
    Some(Ok(Frame::data(bytes)))
}

/// When a body last made progress. Shared by clones: the body writes, the wait for the response reads.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    start: Instant,
    /// Milliseconds after the start, or [`PAUSED`].
    last: Arc<AtomicU64>,
}

/// Stands for the present, while the caller has to send more.
const PAUSED: u64 = u64::MAX;

impl Progress {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            last: Arc::default(),
        }
    }

    /// Records progress now.
    pub(crate) fn touch(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(0);
        self.last.store(passed, Ordering::Relaxed);
    }

    /// Records that the body waits for the caller, until the next progress.
    fn pause(&self) {
        self.last.store(PAUSED, Ordering::Relaxed);
    }

    /// Returns the output of `future`, or `None` if the body makes no progress for `limit` before that, and does
    /// not wait for the caller.
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
        match self.last.load(Ordering::Relaxed) {
            PAUSED => Instant::now(),
            passed => self.start + Duration::from_millis(passed),
        }
    }
}
