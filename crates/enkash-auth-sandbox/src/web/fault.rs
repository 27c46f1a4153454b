//! Applies faults to requests.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll, ready};
use std::{io, iter};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SERVER};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use serde_json::json;

use super::api;
use super::response::respond;
use super::service::Disconnected;
use crate::fault::Fault;

/// Serves a request, with its fault.
pub(super) async fn serve<F>(
    fault: Option<Fault>,
    request: Request,
    carry_out: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let Some(fault) = fault else {
        return carry_out(request).await;
    };
    if fault == Fault::CloseBeforeReading {
        return close();
    }
    if let Some(response) = instead(&fault) {
        // Reads the body to its end: the client may never see a response that precedes it.
        api::length(request.into_body()).await;
        return response;
    }
    let response = carry_out(request).await;
    match fault {
        Fault::Delay { by } => {
            tokio::time::sleep(by).await;
            response
        }
        Fault::HalfResponse => half(response),
        Fault::CarriedOut { status } => page(status),
        Fault::Hang => pending().await,
        Fault::CloseAfterReading => close(),
        _ => response,
    }
}

/// Returns the response that replaces the real one; `None` if the fault modifies the real one.
fn instead(fault: &Fault) -> Option<Response> {
    let error = |status, error, description| {
        let body = json!({ "error": error, "error_description": description });
        respond(status, &body)
    };
    let json = [(CONTENT_TYPE, "application/json;charset=UTF-8")];
    let response = match fault {
        Fault::Page { status } => page(*status),
        Fault::ServerError => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Internal Server Error",
        ),
        Fault::Forbidden => error(StatusCode::FORBIDDEN, "access_denied", "Access is denied"),
        Fault::TooManyRequests { retry_after } => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = error(status, "too_many_requests", "Slow down");
            if let Some(after) = retry_after {
                let up = u64::from(after.subsec_nanos() > 0);
                let seconds = after.as_secs().saturating_add(up);
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
        Fault::Garbage => (json, Body::from(noise())).into_response(),
        Fault::Empty => (json, Body::empty()).into_response(),
        Fault::Huge => (json, Body::new(Huge { sent: 0 })).into_response(),
        Fault::Redirect { to } => {
            let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
            let to = to.as_deref().unwrap_or("/-/sandbox/trap");
            if let Ok(to) = HeaderValue::from_str(to) {
                response.headers_mut().insert(LOCATION, to);
            }
            response
        }
        Fault::OtherJson => respond(StatusCode::OK, &json!({ "status": "UP", "items": [1, 2] })),
        Fault::Response {
            status,
            headers,
            body,
        } => {
            let mut response = (*status, Body::from(body.clone())).into_response();
            for (name, value) in headers {
                let header = (HeaderName::from_str(name), HeaderValue::from_str(value));
                if let (Ok(name), Ok(value)) = header {
                    response.headers_mut().append(name, value);
                }
            }
            response
        }
        _ => return None,
    };
    Some(response)
}

/// Returns an HTML page like that of the CDN in front of the real server.
pub(super) fn page(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let text = format!(
        "<!DOCTYPE html>\n<html><head><title>{code} {reason}</title></head>\n\
         <body><h1>{code} {reason}</h1><p>The request did not reach the server.</p></body></html>\n",
        code = status.as_u16(),
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=UTF-8"),
        (SERVER, "sandbox-cdn"),
    ];
    (status, headers, text).into_response()
}

/// Returns random bytes; the first is invalid at the start of UTF-8 text.
fn noise() -> Vec<u8> {
    let random = iter::repeat_with(|| fastrand::u8(..)).take(511);
    iter::once(0xFF).chain(random).collect()
}

/// Closes the connection without a response.
fn close() -> Response {
    let mut response = Response::new(Body::new(Half { rest: None }));
    response.headers_mut().insert(CONTENT_LENGTH, 1.into());
    response.extensions_mut().insert(Disconnected);
    response
}

/// Sends the head and half of the body, and closes the connection.
fn half(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = HttpBody::size_hint(&body).exact();
    if let Some(whole) = whole {
        parts.headers.insert(CONTENT_LENGTH, whole.max(1).into());
    }
    let left = whole.map(|whole| usize::try_from(whole / 2).unwrap_or(usize::MAX));
    let rest = Some((body, left));
    Response::from_parts(parts, Body::new(Half { rest }))
}

/// Forwards a part of a body, and fails.
struct Half {
    /// The body, and how many of its bytes remain to be sent; `None` means half of the first frame, for
    /// a body of unknown length.
    rest: Option<(Body, Option<usize>)>,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some((body, left)) = &mut self.rest else {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        };
        if *left == Some(0) {
            // Waits until the sent part is written out, because the failure would discard it.
            self.rest = None;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(body).poll_frame(cx));
        let Some(Ok(Ok(mut data))) = frame.map(|frame| frame.map(Frame::into_data)) else {
            self.rest = None;
            return self.poll_frame(cx);
        };
        data.truncate(left.unwrap_or(data.len() / 2));
        *left = Some(left.map_or(0, |left| left - data.len()));
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

/// 32 MiB of JSON, generated while sent: a token that was never valid, and a long string.
struct Huge {
    sent: usize,
}

impl Huge {
    const LENGTH: usize = 32 * 1024 * 1024;
    const HEAD: &[u8] = br#"{"access_token":"from-the-huge-never-valid","token_type":"bearer","expires_in":3599,"pad":""#;
    const TAIL: &[u8] = br#""}"#;
    const PADDING: &[u8] = &[b'x'; 64 * 1024];
}

impl HttpBody for Huge {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let until_tail = (Self::LENGTH - Self::TAIL.len()).saturating_sub(self.sent);
        let data = if self.sent == 0 {
            Bytes::from_static(Self::HEAD)
        } else if until_tail > 0 {
            Bytes::from_static(Self::PADDING).slice(..until_tail.min(Self::PADDING.len()))
        } else if self.sent < Self::LENGTH {
            Bytes::from_static(Self::TAIL)
        } else {
            return Poll::Ready(None);
        };
        self.sent += data.len();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(Self::LENGTH.saturating_sub(self.sent) as u64)
    }
}
