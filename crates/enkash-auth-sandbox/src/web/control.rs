//! The control API: what a test does with methods, over HTTP.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post, put};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::respond;
use crate::issuer::Issuer;
use crate::rules::Rules;

/// No control request is larger.
const BODY_LIMIT: usize = 64 * 1024;

/// The routes below `/-/sandbox`.
pub(crate) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/status", get(status))
        .route("/counters", get(counters).delete(reset_counters))
        .route("/rules", get(rules).patch(change_rules))
        .route("/outage", put(begin_outage).delete(end_outage))
        .route("/revoke", post(revoke))
        .route("/unlock", post(unlock))
        .fallback(unknown)
}

async fn status(State(issuer): State<Issuer>) -> Response {
    ok(&json!({
        "outage": issuer.outage(),
        "tokens_alive": issuer.tokens_alive(),
        "accounts": issuer.account_statuses(),
        "counters": issuer.counters(),
        "rules": issuer.rules(),
        "clock": {
            "now": httpdate::fmt_http_date(issuer.clock().now()),
            "offset_ms": issuer.clock().offset_ms(),
        },
    }))
}

async fn counters(State(issuer): State<Issuer>) -> Response {
    ok(&json!(issuer.counters()))
}

async fn reset_counters(State(issuer): State<Issuer>) -> Response {
    issuer.reset_counters();
    ok(&json!(issuer.counters()))
}

async fn rules(State(issuer): State<Issuer>) -> Response {
    ok(&json!(issuer.rules()))
}

async fn change_rules(State(issuer): State<Issuer>, request: Request) -> Response {
    let changed = match to_bytes(request.into_body(), BODY_LIMIT).await {
        Ok(body) => patched(&issuer.rules(), &body),
        Err(error) => return bad(&error.to_string()),
    };
    match changed {
        Ok(rules) => {
            issuer.change_rules(|_| rules);
            ok(&json!(issuer.rules()))
        }
        Err(error) => bad(&error.to_string()),
    }
}

/// The rules with those changed that the patch names.
fn patched(rules: &Rules, patch: &[u8]) -> serde_json::Result<Rules> {
    let patch: Map<String, Value> = serde_json::from_slice(patch)?;
    let mut all = json!(rules);
    if let Value::Object(all) = &mut all {
        all.extend(patch);
    }
    serde_json::from_value(all)
}

async fn begin_outage(State(issuer): State<Issuer>) -> Response {
    issuer.set_outage(true);
    ok(&json!({ "outage": true }))
}

async fn end_outage(State(issuer): State<Issuer>) -> Response {
    issuer.set_outage(false);
    ok(&json!({ "outage": false }))
}

async fn revoke(State(issuer): State<Issuer>) -> Response {
    ok(&json!({ "revoked": issuer.revoke_all() }))
}

async fn unlock(State(issuer): State<Issuer>) -> Response {
    issuer.unlock_all();
    ok(&json!({ "accounts": issuer.account_statuses() }))
}

async fn unknown() -> Response {
    respond(
        StatusCode::NOT_FOUND,
        &json!({ "error": "no such control; GET /-/sandbox/status shows what there is" }),
    )
}

fn ok(body: &Value) -> Response {
    respond(StatusCode::OK, body)
}

fn bad(why: &str) -> Response {
    respond(StatusCode::BAD_REQUEST, &json!({ "error": why }))
}
