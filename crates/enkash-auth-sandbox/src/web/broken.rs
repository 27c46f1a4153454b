//! Bodies that break off, or do not seem to end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};

use super::service::Disconnected;

/// How large the huge answer is.
const HUGE: usize = 32 * 1024 * 1024;
const HUGE_HEAD: &[u8] =
    br#"{"access_token":"from-the-huge-never-valid","token_type":"bearer","expires_in":3599,"pad":""#;
const HUGE_TAIL: &[u8] = br#""}"#;
static PADDING: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// No answer, and the connection closed.
pub(crate) fn off() -> Response {
    let mut response = Response::new(Body::new(Half { rest: None }));
    response.headers_mut().insert(CONTENT_LENGTH, 1.into());
    response.extensions_mut().insert(Disconnected::new());
    response
}

/// The head of the answer, half of its body, and the connection closed.
pub(crate) fn half(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = HttpBody::size_hint(&body).exact();
    if let Some(whole) = whole {
        parts.headers.insert(CONTENT_LENGTH, whole.max(1).into());
    }
    // Of a body of unknown length, no one can tell the half: it is cut in its first piece.
    let left = whole.map(|whole| usize::try_from(whole / 2).unwrap_or(usize::MAX));
    let body = Half {
        rest: Some(Rest { body, left }),
    };
    Response::from_parts(parts, Body::new(body))
}

/// 32 MiB of JSON, made while it is sent.
pub(crate) fn huge() -> Body {
    Body::new(Huge { sent: 0 })
}

/// Passes on a part of a body, and fails.
struct Half {
    rest: Option<Rest>,
}

struct Rest {
    body: Body,
    /// How many bytes may still pass; `None` for half of the first piece.
    left: Option<usize>,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        };
        if rest.left == Some(0) {
            // What has passed is written out while this waits; the failure would discard it.
            self.rest = None;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut rest.body).poll_frame(cx));
        let Some(Ok(Ok(mut data))) = frame.map(|frame| frame.map(Frame::into_data)) else {
            self.rest = None;
            return self.poll_frame(cx);
        };
        data.truncate(rest.left.unwrap_or(data.len() / 2));
        rest.left = Some(rest.left.map_or(0, |left| left - data.len()));
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

/// A token, which was never alive, and a long string.
struct Huge {
    sent: usize,
}

impl HttpBody for Huge {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let until_tail = (HUGE - HUGE_TAIL.len()).saturating_sub(self.sent);
        let data = if self.sent == 0 {
            Bytes::from_static(HUGE_HEAD)
        } else if until_tail > 0 {
            Bytes::from_static(&PADDING).slice(..until_tail.min(PADDING.len()))
        } else if self.sent < HUGE {
            Bytes::from_static(HUGE_TAIL)
        } else {
            return Poll::Ready(None);
        };
        self.sent += data.len();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(HUGE.saturating_sub(self.sent) as u64)
    }
}
