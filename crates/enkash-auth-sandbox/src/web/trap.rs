//! Where a redirect leads that no client should follow.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::answer::respond;
use crate::issuer::Issuer;

/// `/-/sandbox/trap`: counts who comes, and hands out a token that was never alive.
pub(crate) async fn spring(State(issuer): State<Issuer>) -> Response {
    issuer.count(|state| state.counters.redirects_followed += 1);
    let body = json!({
        "access_token": "from-the-trap-never-valid",
        "token_type": "bearer",
        "expires_in": 3599,
    });
    respond(StatusCode::OK, &body)
}
