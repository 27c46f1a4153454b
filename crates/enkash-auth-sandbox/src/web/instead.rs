//! Answers that come instead of the true one.

use std::collections::BTreeMap;
use std::iter;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use super::answer::respond;
use super::{broken, page};
use crate::faults::Fault;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// The answer that a fault puts in place of the true one; `None` if it spoils the true one.
pub(crate) fn answer(fault: &Fault) -> Option<Response> {
    let answer = match fault {
        Fault::Page { status } => page::html(*status),
        Fault::ServerError => respond(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": "server_error", "error_description": "Internal Server Error" }),
        ),
        Fault::Forbidden => respond(
            StatusCode::FORBIDDEN,
            &json!({ "error": "access_denied", "error_description": "Access is denied" }),
        ),
        Fault::TooManyRequests { retry_after } => too_many_requests(*retry_after),
        Fault::Garbage => ok_json(Body::from(noise())),
        Fault::Empty => ok_json(Body::empty()),
        Fault::Huge => ok_json(broken::huge()),
        Fault::Redirect { to } => redirect(to.as_deref().unwrap_or("/-/sandbox/trap")),
        Fault::OtherJson => respond(StatusCode::OK, &json!({ "status": "UP", "items": [1, 2] })),
        Fault::Answer {
            status,
            headers,
            body,
        } => any(*status, headers, body.clone()),
        _ => return None,
    };
    Some(answer)
}

fn too_many_requests(retry_after: Option<Duration>) -> Response {
    let body = json!({ "error": "too_many_requests", "error_description": "Slow down" });
    let mut response = respond(StatusCode::TOO_MANY_REQUESTS, &body);
    if let Some(after) = retry_after {
        let seconds = after
            .as_secs()
            .saturating_add(u64::from(after.subsec_nanos() > 0));
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn any(status: StatusCode, headers: &BTreeMap<String, String>, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn ok_json(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Bytes at random; the first is none that text in UTF-8 can begin with.
fn noise() -> Vec<u8> {
    let random = iter::repeat_with(|| fastrand::u8(..)).take(511);
    iter::once(0xFF).chain(random).collect()
}
