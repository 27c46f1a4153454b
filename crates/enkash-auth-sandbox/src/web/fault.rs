//! Applies faults to requests.

use std::future::{Future, pending};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::{io, iter, mem};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SERVER};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
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
        Fault::HalfResponse => half(response).await,
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
        Fault::Huge => (json, Body::from(huge())).into_response(),
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

/// Returns 32 MiB of JSON: a token that was never valid, and a long string.
fn huge() -> Bytes {
    static HUGE: LazyLock<Bytes> = LazyLock::new(|| {
        let head = r#"{"access_token":"from-the-huge-never-valid","token_type":"bearer","expires_in":3599,"pad":""#;
        let mut body = Vec::from(head);
        body.resize(32 * 1024 * 1024 - 2, b'x');
        body.extend_from_slice(br#""}"#);
        body.into()
    });
    HUGE.clone()
}

/// Closes the connection without a response.
fn close() -> Response {
    let mut response = Response::new(Body::new(Cut(None)));
    response.headers_mut().insert(CONTENT_LENGTH, 1.into());
    response.extensions_mut().insert(Disconnected);
    response
}

/// Sends the head and half of the body, and closes the connection.
async fn half(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let length = whole.len().max(1).into();
    parts.headers.insert(CONTENT_LENGTH, length);
    let half = whole.slice(..whole.len() / 2);
    Response::from_parts(parts, Body::new(Cut(Some(half))))
}

/// Sends some bytes, waits until they are written out, because a failure would discard them, and fails.
struct Cut(Option<Bytes>);

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Some(bytes) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(mem::take(bytes)))))
            }
            Some(_) => {
                self.0 = None;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
