//! Everything that is not a token endpoint: API paths that want a bearer token.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;

use super::{bearer, echo, fault};
use crate::faults::Endpoint;
use crate::issuer::Issuer;

pub(crate) async fn call(State(issuer): State<Issuer>, request: Request) -> Response {
    issuer.count(|state| state.counters.api_calls += 1);
    let fault = issuer.take_fault(Endpoint::Api);
    fault::serve(fault, request, |request| carry_out(issuer, request)).await
}

async fn carry_out(issuer: Issuer, request: Request) -> Response {
    if let Some(refusal) = bearer::refusal(&issuer, request.headers()) {
        issuer.count(|state| state.counters.api_refusals += 1);
        swallow(request.into_body()).await;
        return refusal;
    }
    echo::answer(request).await
}

/// Reads what a refused call sends, so that its client comes to read the refusal; a body beyond
/// 2 MiB is cut off.
async fn swallow(mut body: Body) {
    let mut left: usize = 2 << 20;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else {
            return;
        };
        left = rest;
    }
}
