//! Which order does what.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get, post, put};
use http::StatusCode;
use serde_json::json;

use super::body::ok;
use super::{clock, faults, rules};
use crate::issuer::Issuer;
use crate::web::answer::respond;
use crate::web::trap;

/// The routes below `/-/sandbox`.
pub(crate) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/status", get(status))
        .route("/counters", get(counters).delete(reset_counters))
        .route("/rules", get(rules::show).patch(rules::change))
        .route(
            "/faults",
            get(faults::show).post(faults::order).delete(faults::cancel),
        )
        .route("/outage", put(begin_outage).delete(end_outage))
        .route("/revoke", post(revoke))
        .route("/unlock", post(unlock))
        .route("/clock", get(clock::show).put(clock::change))
        .route("/trap", any(trap::spring))
        .fallback(unknown)
}

async fn status(State(issuer): State<Issuer>) -> Response {
    ok(json!({
        "outage": issuer.outage(),
        "token_requests_open": issuer.token_requests_open(),
        "tokens_alive": issuer.tokens_alive(),
        "accounts": issuer.account_statuses(),
        "counters": issuer.counters(),
        "rules": issuer.rules(),
        "faults": issuer.orders(),
        "clock": clock::describe(issuer.clock()),
    }))
}

async fn counters(State(issuer): State<Issuer>) -> Response {
    ok(issuer.counters())
}

async fn reset_counters(State(issuer): State<Issuer>) -> Response {
    issuer.reset_counters();
    ok(issuer.counters())
}

async fn begin_outage(State(issuer): State<Issuer>) -> Response {
    issuer.set_outage(true);
    ok(json!({ "outage": true }))
}

async fn end_outage(State(issuer): State<Issuer>) -> Response {
    issuer.set_outage(false);
    ok(json!({ "outage": false }))
}

async fn revoke(State(issuer): State<Issuer>) -> Response {
    ok(json!({ "revoked": issuer.revoke_all() }))
}

async fn unlock(State(issuer): State<Issuer>) -> Response {
    issuer.unlock_all();
    ok(json!({ "accounts": issuer.account_statuses() }))
}

/// Everything else, so that a slip of the pen is no API call.
pub(crate) async fn unknown() -> Response {
    let body = json!({ "error": "no such order; GET /-/sandbox/status shows what there is" });
    respond(StatusCode::NOT_FOUND, &body)
}
