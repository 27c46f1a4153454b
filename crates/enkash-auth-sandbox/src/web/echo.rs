//! Answers an API call with what arrived.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::answer::respond;

/// The header that asks for the body itself: `sandbox-echo: body`.
const ECHO: HeaderName = HeaderName::from_static("sandbox-echo");

/// Reports the request as it arrived: its body only as a length, read and let go bit by bit.
///
/// With the header `sandbox-echo: body`, sends the body back while it arrives.
pub(crate) async fn answer(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.headers.get(ECHO).is_some_and(|it| it == "body") {
        return send_back(&parts.headers, body);
    }
    let Some(length) = length(body).await else {
        let body = json!({ "error": "invalid_request", "error_description": "Body broken off" });
        return respond(StatusCode::BAD_REQUEST, &body);
    };
    let body = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "authority": parts.uri.authority().map(|it| it.as_str()),
        "version": format!("{:?}", parts.version),
        "headers": headers(&parts.headers),
        "body_length": length,
    });
    respond(StatusCode::OK, &body)
}

fn send_back(headers: &HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        let content_type = content_type.clone();
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

async fn length(mut body: Body) -> Option<u64> {
    let mut length = 0u64;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            length = length.saturating_add(data.len() as u64);
        }
    }
    Some(length)
}

/// Each name with all its values; credentials are counted and not shown.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut report = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(|value| {
            if name == AUTHORIZATION {
                json!("(not shown)")
            } else {
                json!(String::from_utf8_lossy(value.as_bytes()))
            }
        });
        report.insert(name.as_str().to_owned(), values.collect());
    }
    report
}
