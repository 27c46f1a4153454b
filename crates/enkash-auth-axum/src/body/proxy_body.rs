use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, ReplayBody};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::Progress;

/// The body of a forwarded request: collected, or streamed as the caller sends it.
///
/// A collected one can be cloned, so that the request can be sent a second time. Its memory
/// counts against the proxy's budget until the last copy is gone. Trailers are not forwarded: they
/// could carry what a head may not.
///
/// # Examples
///
/// ```
/// use axum::body::Body;
/// use enkash_auth_axum::{ProxyBody, tower::ReplayBody};
///
/// let small = ProxyBody::collected("{}");
/// assert!(small.try_clone().is_some());
///
/// let large = ProxyBody::streaming(Body::from("x"));
/// assert!(large.try_clone().is_none());
/// ```
pub struct ProxyBody {
    content: Content,
    progress: Progress,
}

enum Content {
    Collected(Bytes),
    /// A collected one that is gone.
    Sent,
    Streaming(Body),
}

impl ProxyBody {
    /// A body that is there as a whole.
    pub fn collected(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Collected(bytes.into()))
    }

    /// A body that comes bit by bit, and no faster than it is taken.
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
    /// The same body once more, if it is collected and was not sent yet.
    fn try_clone(&self) -> Option<Self> {
        match &self.content {
            Content::Collected(bytes) => Some(Self::collected(bytes.clone())),
            Content::Sent | Content::Streaming(_) => None,
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
            Content::Collected(bytes) if bytes.is_empty() => None,
            Content::Collected(bytes) => {
                let bytes = std::mem::take(bytes);
                self.content = Content::Sent;
                Some(Ok(Frame::data(bytes)))
            }
            Content::Sent => None,
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
            Content::Collected(bytes) => bytes.is_empty(),
            Content::Sent => true,
            Content::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Collected(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Sent => SizeHint::with_exact(0),
            Content::Streaming(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its content is the caller's.
        let name = match &self.content {
            Content::Collected(_) | Content::Sent => "ProxyBody::Collected",
            Content::Streaming(_) => "ProxyBody::Streaming",
        };
        f.debug_struct(name)
            .field("size_hint", &self.size_hint())
            .finish_non_exhaustive()
    }
}
