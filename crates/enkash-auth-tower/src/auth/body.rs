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
    state: State<B>,
}

// What was read takes the place of the body: beside it, it would make each response larger. So only a body without a
// niche does; hyper's has one, and so has a boxed one.
enum State<B: Body> {
    // It is not looked at.
    Untouched(B),
    Read(Box<Read<B>>),
}

/// Holds a body, and what was read of it.
struct Read<B: Body> {
    inner: B,
    frames: VecDeque<Result<Frame<Bytes>, B::Error>>,
    /// The length of the data, at least 1 for each frame of them.
    length: u64,
    /// Whether the inner body has ended, or failed.
    is_ended: bool,
}

impl<B: Body> ResponseBody<B> {
    /// Wraps a body that is not looked at.
    #[inline(always)]
    pub(super) fn new(inner: B) -> Self {
        let state = State::Untouched(inner);
        Self { state }
    }

    /// Wraps a body that can be looked at.
    pub(super) fn open(inner: B) -> Self {
        let read = Box::new(Read {
            inner,
            frames: VecDeque::new(),
            length: 0,
            is_ended: false,
        });
        Self {
            state: State::Read(read),
        }
    }

    /// Returns the body of the inner service, without what was read of it.
    pub fn get_ref(&self) -> &B {
        match &self.state {
            State::Untouched(inner) => inner,
            State::Read(read) => &read.inner,
        }
    }

    fn read(&self) -> Option<&Read<B>> {
        match &self.state {
            State::Untouched(_) => None,
            State::Read(read) => Some(read),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> ResponseBody<B> {
    /// Returns whether the body may be short enough to be looked at, by the `headers` beside it.
    pub(super) fn may_be_short(&self, headers: &HeaderMap) -> bool {
        let length = headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let hint = self.get_ref().size_hint();
        hint.lower().max(length.unwrap_or(0)) <= LIMIT
    }

    /// Reads an open body to its end, or until it is too long.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Read(read) = &mut self.state else {
            return Poll::Ready(());
        };
        while !read.is_ended && read.length <= LIMIT {
            let Some(frame) = ready!(Pin::new(&mut read.inner).poll_frame(cx)) else {
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
        let read = self.read()?;
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
        let inner = match &mut self.get_mut().state {
            State::Untouched(inner) => inner,
            State::Read(read) => {
                let frame = read.frames.pop_front();
                if frame.is_some() || read.is_ended {
                    return Poll::Ready(frame);
                }
                &mut read.inner
            }
        };
        Pin::new(inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        match self.read() {
            Some(read) if !read.frames.is_empty() => false,
            Some(read) if read.is_ended => true,
            _ => self.get_ref().is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        // Also of an inner body that has ended: without a length, an error or trailers may follow the data.
        let rest = self.get_ref().size_hint();
        let Some(read) = self.read() else {
            return rest;
        };
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

// Out of line: inlined, it makes the drop of each response a call, for the one in a thousand that was read.
impl<B: Body> Drop for Read<B> {
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
