use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};

/// How much of a body is looked at.
const LIMIT: u64 = 4 << 10;

/// Wraps the body of a response. It streams the body unchanged, also if a [`Classifier`](super::Classifier) has
/// looked at its beginning.
pub struct ResponseBody<B: Body> {
    inner: B,
    // Boxed: a response that was not looked at must not carry it.
    read: Option<Box<Read<B::Error>>>,
}

/// Holds what was read of a body.
struct Read<E> {
    frames: VecDeque<Result<Frame<Bytes>, E>>,
    /// The length of the data, at least 1 for each frame of them.
    length: u64,
    /// Whether the inner body has ended, or failed.
    is_ended: bool,
}

impl<B: Body> ResponseBody<B> {
    #[inline(always)]
    pub(super) fn new(inner: B) -> Self {
        Self { inner, read: None }
    }

    /// Returns the body of the inner service, without what was read of it.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }
}

impl<B: Body<Data = Bytes> + Unpin> ResponseBody<B> {
    /// Returns whether the body may be short enough to be looked at, by the `headers` beside it.
    pub(super) fn may_be_short(&self, headers: &HeaderMap) -> bool {
        let length = headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        self.inner.size_hint().lower().max(length.unwrap_or(0)) <= LIMIT
    }

    /// Reads the body to its end, or until it is too long.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let read = self.read.get_or_insert_default();
        while !read.is_ended && read.length <= LIMIT {
            let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)) else {
                read.is_ended = true;
                break;
            };
            if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                read.length = read.length.saturating_add(length(data).max(1));
            }
            read.is_ended = frame.is_err();
            read.frames.push_back(frame);
        }
        Poll::Ready(())
    }

    /// Returns the whole body; `None` if it is too long, or has failed.
    pub(super) fn whole(&self) -> Option<Vec<u8>> {
        let read = self.read.as_ref()?;
        let mut whole = Vec::new();
        for frame in &read.frames {
            let data = frame.as_ref().ok()?.data_ref();
            whole.extend_from_slice(data.map_or(&[], |data| data));
        }
        (read.is_ended && read.length <= LIMIT).then_some(whole)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if let Some(read) = &mut this.read {
            let frame = read.frames.pop_front();
            if frame.is_some() || read.is_ended {
                return Poll::Ready(frame);
            }
            this.read = None;
        }
        Pin::new(&mut this.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        match &self.read {
            Some(read) if !read.frames.is_empty() => false,
            Some(read) if read.is_ended => true,
            _ => self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let Some(read) = &self.read else {
            return self.inner.size_hint();
        };
        // Also of an inner body that has ended: without a length, an error or trailers may follow the data.
        let rest = self.inner.size_hint();
        let frames = read.frames.iter().filter_map(|frame| frame.as_ref().ok());
        let length: u64 = frames.filter_map(Frame::data_ref).map(length).sum();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(length));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(length));
        }
        hint
    }
}

impl<E> Default for Read<E> {
    fn default() -> Self {
        Self {
            frames: VecDeque::new(),
            length: 0,
            is_ended: false,
        }
    }
}

// Out of line: inlined, it makes the drop of each response a call, for the one in a thousand that was read.
impl<E> Drop for Read<E> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        self.frames.clear();
    }
}

/// Shows nothing of the body.
impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

fn length(data: &Bytes) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}
