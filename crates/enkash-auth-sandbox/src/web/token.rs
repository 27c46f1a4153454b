//! The token endpoints.

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::answer::{self, Dialect};
use super::{fault, form, merchant, page};
use crate::faults::Endpoint;
use crate::issuer::{Attempt, Issuer, Refusal};

/// No token request is larger.
const BODY_LIMIT: usize = 64 * 1024;

/// `POST /oauth/token`
pub(crate) async fn form(State(issuer): State<Issuer>, request: Request) -> Response {
    serve(issuer, request, Dialect::Form).await
}

/// `POST /api/v0/merchant/token`
pub(crate) async fn merchant(State(issuer): State<Issuer>, request: Request) -> Response {
    serve(issuer, request, Dialect::Merchant).await
}

/// The `API-Key` header, which both dialects may carry.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("api-key")?.to_str().ok()?;
    Some(value.to_owned())
}

async fn serve(issuer: Issuer, request: Request, dialect: Dialect) -> Response {
    // Counted as under way until it is answered, or its client has gone.
    let _call = issuer.begin_token_call();
    if issuer.outage() {
        return page::html(StatusCode::SERVICE_UNAVAILABLE);
    }
    let fault = issuer.take_fault(Endpoint::Token);
    fault::serve(fault, request, |request| {
        carry_out(issuer, request, dialect)
    })
    .await
}

async fn carry_out(issuer: Issuer, request: Request, dialect: Dialect) -> Response {
    let (parts, body) = request.into_parts();
    let attempt = match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => read(&parts, &body, dialect),
        Err(_) => Err(Refusal::Malformed("Body too large or broken off")),
    };
    let rules = issuer.rules();
    let response = match issuer.judge(attempt) {
        Ok(grant) => answer::granted(&grant, &rules, dialect),
        Err(refusal) => answer::refused(&refusal, &rules, dialect),
    };
    if !rules.delay.is_zero() {
        tokio::time::sleep(rules.delay).await;
    }
    response
}

fn read(parts: &Parts, body: &Bytes, dialect: Dialect) -> Result<Attempt, Refusal> {
    match dialect {
        Dialect::Form => Ok(Attempt::Form(form::read(&parts.headers, body))),
        Dialect::Merchant => merchant::read(&parts.headers, body).map(Attempt::Merchant),
    }
}
