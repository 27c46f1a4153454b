//! The token endpoints, one per dialect.

use std::collections::HashMap;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::fault;
use super::response::{self, Dialect};
use crate::attempt::{Attempt, Rejection};
use crate::issuer::Issuer;
use crate::order::Endpoint;

/// The size limit of token requests.
const BODY_LIMIT: usize = 64 * 1024;

/// `POST /oauth/token`
pub(super) async fn form(State(issuer): State<Issuer>, request: Request) -> Response {
    serve(issuer, request, Dialect::Form).await
}

/// `POST /api/v0/merchant/token`
pub(super) async fn merchant(State(issuer): State<Issuer>, request: Request) -> Response {
    serve(issuer, request, Dialect::Merchant).await
}

async fn serve(issuer: Issuer, request: Request, dialect: Dialect) -> Response {
    // Counts as in flight until the response is sent or the client disconnects.
    let _call = issuer.begin_token_call();
    if issuer.outage() {
        return fault::page(StatusCode::SERVICE_UNAVAILABLE);
    }
    let fault = issuer.take_fault(Endpoint::Token);
    let carry_out = |request| carry_out(issuer, request, dialect);
    fault::serve(fault, request, carry_out).await
}

async fn carry_out(issuer: Issuer, request: Request, dialect: Dialect) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let attempt = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => read(headers, &body, dialect),
        Err(_) => Err(Rejection::Malformed("Body too large or broken off")),
    };
    let api_key = headers.get("api-key").and_then(|it| it.to_str().ok());
    let rules = issuer.rules();
    let response = match issuer.judge(api_key, attempt) {
        Ok(grant) => response::granted(&grant, &rules, dialect),
        Err(rejection) => response::rejected(&rejection, &rules, dialect),
    };
    if !rules.delay.is_zero() {
        tokio::time::sleep(rules.delay).await;
    }
    response
}

fn read(headers: &HeaderMap, body: &Bytes, dialect: Dialect) -> Result<Attempt, Rejection> {
    match dialect {
        Dialect::Form => Ok(Attempt::Form {
            client: basic(headers),
            // Like a servlet, ignores the fields of other content types.
            fields: if is_form(headers) {
                form_urlencoded::parse(body).into_owned().collect()
            } else {
                HashMap::new()
            },
        }),
        Dialect::Merchant => serde_json::from_slice(body)
            .map(Attempt::Merchant)
            .map_err(|_| Rejection::Malformed("accessKey and secretKey are required, as JSON")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = value.and_then(|it| it.split(';').next()).map(str::trim);
    essence.is_some_and(|it| it.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Parses HTTP Basic: the texts before and after the first colon, without URL decoding.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
