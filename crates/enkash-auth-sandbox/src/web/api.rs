//! Everything that is not a token endpoint: API paths that want a bearer token.

use axum::extract::{Request, State};
use axum::response::Response;

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
        return refusal;
    }
    echo::answer(request).await
}
