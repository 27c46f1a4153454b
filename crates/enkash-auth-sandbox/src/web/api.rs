//! Everything that is not a token endpoint: API paths that want a bearer token.

use axum::extract::{Request, State};
use axum::response::Response;

use super::{bearer, echo};
use crate::issuer::Issuer;

pub(crate) async fn call(State(issuer): State<Issuer>, request: Request) -> Response {
    issuer.count(|state| state.counters.api_calls += 1);
    if let Some(refusal) = bearer::refusal(&issuer, request.headers()) {
        issuer.count(|state| state.counters.api_refusals += 1);
        return refusal;
    }
    echo::report(request).await
}
