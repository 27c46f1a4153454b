//! Everything that is not a token endpoint: API paths that want a bearer token.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};

use super::answer::respond;
use super::fault;
use crate::issuer::Issuer;
use crate::order::Endpoint;

/// How much is read of a call that is refused.
const REFUSED_LIMIT: usize = 2 << 20;

pub(super) async fn call(State(issuer): State<Issuer>, request: Request) -> Response {
    issuer.count(|counters| counters.api_calls += 1);
    let fault = issuer.take_fault(Endpoint::Api);
    fault::serve(fault, request, |request| carry_out(issuer, request)).await
}

async fn carry_out(issuer: Issuer, request: Request) -> Response {
    if let Some(refusal) = refusal(&issuer, request.headers()) {
        issuer.count(|counters| counters.api_refusals += 1);
        // Read, so that the client comes to read the refusal.
        length(Body::new(Limited::new(request.into_body(), REFUSED_LIMIT))).await;
        return refusal;
    }
    echo(request).await
}

/// Returns the answer to a call without a valid token. It repeats the token in its text, as the
/// real family's does.
fn refusal(issuer: &Issuer, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = token(headers) else {
        let needed = "Full authentication is required to access this resource";
        return Some(refuse(needed));
    };
    let why = issuer.check(token).err()?;
    Some(refuse(&format!("{why}: {token}")))
}

/// Returns the token of the one `Authorization` header; two of them hold none.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refuse(description: &str) -> Response {
    let body = json!({ "error": "invalid_token", "error_description": description });
    let mut response = respond(StatusCode::UNAUTHORIZED, &body);
    let quoted = description.replace('\\', r"\\").replace('"', r#"\""#);
    let challenge = format!(
        r#"Bearer realm="oauth2-resource", error="invalid_token", error_description="{quoted}""#
    );
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Reports the request as it arrived: its body only as a length, read and let go bit by bit.
///
/// With the header `sandbox-echo: body`, sends the body back while it arrives.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts
        .headers
        .get("sandbox-echo")
        .is_some_and(|it| it == "body")
    {
        let mut response = Response::new(body);
        if let Some(content_type) = parts.headers.get(CONTENT_TYPE) {
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, content_type.clone());
        }
        return response;
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
        "headers": report(&parts.headers),
        "body_length": length,
    });
    respond(StatusCode::OK, &body)
}

/// Reads a body to its end and returns its length; `None` if it breaks off.
pub(super) async fn length(mut body: Body) -> Option<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.ok()?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Some(length)
}

/// Lists each name with all its values; credentials are counted and not shown.
fn report(headers: &HeaderMap) -> Map<String, Value> {
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
