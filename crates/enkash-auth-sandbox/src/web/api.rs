//! The API paths, which require a bearer token: everything that is not a token endpoint.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};

use super::fault;
use super::response::respond;
use crate::issuer::Issuer;
use crate::order::Endpoint;

/// How much of an unauthorized request's body is read.
const UNAUTHORIZED_BODY_LIMIT: usize = 2 << 20;

pub(super) async fn call(State(issuer): State<Issuer>, request: Request) -> Response {
    issuer.count(|counters| counters.api_calls += 1);
    let fault = issuer.take_fault(Endpoint::Api);
    fault::serve(fault, request, |request| carry_out(issuer, request)).await
}

async fn carry_out(issuer: Issuer, request: Request) -> Response {
    if let Some(response) = check_token(&issuer, request.headers()) {
        issuer.count(|counters| counters.api_unauthorized += 1);
        // Reads the body, so that the client gets to read the response.
        length(Body::new(Limited::new(
            request.into_body(),
            UNAUTHORIZED_BODY_LIMIT,
        )))
        .await;
        return response;
    }
    echo(request).await
}

/// Returns the 401 response to a call without a valid token. Like that of the real server family, it
/// repeats the token.
fn check_token(issuer: &Issuer, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = token(headers) else {
        let needed = "Full authentication is required to access this resource";
        return Some(unauthorized(needed));
    };
    let why = issuer.check(token).err()?;
    Some(unauthorized(&format!("{why}: {token}")))
}

/// Returns the token of a single `Authorization` header; two headers count as none.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthorized(description: &str) -> Response {
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

/// Reports the received request, with the length of its body, which is not buffered.
///
/// With the header `sandbox-echo: body`, streams the body back instead.
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

/// Reads a body to its end and returns its length; `None` if it is incomplete.
pub(super) async fn length(mut body: Body) -> Option<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.ok()?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Some(length)
}

/// Lists each header with all its values; credentials are not shown.
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
