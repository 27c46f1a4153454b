//! The API paths, which require a token: everything that is not a token endpoint.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, AsHeaderName, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};

use super::fault;
use super::response::respond;
use crate::accounts::Account;
use crate::issuer::Issuer;
use crate::order::Endpoint;

/// The path that rejects every token with a 401 of its own.
const OWN_401: &str = "/api/v0/own-401";

/// How much of a rejected request's body is read.
const REJECTED_BODY_LIMIT: usize = 2 << 20;

pub(super) async fn call(State(issuer): State<Issuer>, request: Request) -> Response {
    issuer.count(|counters| counters.api_calls += 1);
    let fault = issuer.take_fault(Endpoint::Api);
    fault::serve(fault, request, |request| carry_out(issuer, request)).await
}

async fn carry_out(issuer: Issuer, request: Request) -> Response {
    if let Some(response) = rejected(&issuer, &request) {
        // Reads the body, so that the client gets to read the response.
        length(Body::new(Limited::new(
            request.into_body(),
            REJECTED_BODY_LIMIT,
        )))
        .await;
        return response;
    }
    echo(request).await
}

/// Returns the response to a call that is not made: its token is not valid, or a header is missing.
fn rejected(issuer: &Issuer, request: &Request) -> Option<Response> {
    if request.uri().path() == OWN_401 {
        let status = StatusCode::UNAUTHORIZED;
        return Some(failed(status, 401, "Not for this account", Value::Null));
    }
    let headers = request.headers();
    let partner_id = single(headers, "partnerId");
    let gateway = issuer.rules().payment_gateway;
    let account = match token(headers, gateway.is_some()) {
        // Like the real server family, repeats the token.
        Some(token) => issuer.check(token).map_err(|why| format!("{why}: {token}")),
        None => Err("Full authentication is required to access this resource".to_owned()),
    };
    let missing = match account {
        Err(why) => {
            issuer.count(|counters| counters.api_unauthorized += 1);
            return Some(match gateway {
                Some(status) => failed(status, 117, "Failure", json!("Token is invalid.")),
                None => unauthorized(&why),
            });
        }
        Ok(Account::Merchant(access_key))
            if gateway.is_some() && single(headers, "merchantAccessKey") != Some(&access_key) =>
        {
            "merchantAccessKey"
        }
        Ok(_) if !issuer.accounts().allows_partner_id(partner_id) => "partnerId",
        Ok(_) => return None,
    };
    let message = format!("Missing or wrong {missing}");
    Some(failed(StatusCode::BAD_REQUEST, 1, &message, Value::Null))
}

/// Returns the token of the `Authorization` header.
fn token(headers: &HeaderMap, takes_bare: bool) -> Option<&str> {
    let value = single(headers, AUTHORIZATION)?;
    match value.split_once(' ') {
        Some((scheme, token)) => scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()),
        None => takes_bare.then_some(value),
    }
}

/// Returns the value of a header; two headers count as none.
fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Returns a failure in the envelope of the platform.
fn failed(status: StatusCode, code: u16, message: &str, payload: Value) -> Response {
    let body = json!({ "response_code": code, "response_message": message, "payload": payload });
    respond(status, &body)
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
