//! The control API: the methods of the issuer over HTTP.

use std::future::{Ready, ready};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post, put};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::response::respond;
use crate::issuer::Issuer;
use crate::number;
use crate::order::Order;
use crate::rules::Rules;

/// The size limit of request bodies.
const BODY_LIMIT: usize = 64 * 1024;

/// Returns the routes below `/-/sandbox`.
pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/status", get(does(status)))
        .route(
            "/counters",
            get(does(Issuer::counters)).delete(does(|issuer| {
                issuer.reset_counters();
                issuer.counters()
            })),
        )
        .route("/rules", get(does(Issuer::rules)).patch(change_rules))
        .route(
            "/faults",
            get(does(Issuer::orders)).post(order).delete(does(|issuer| {
                issuer.cancel_orders();
                issuer.orders()
            })),
        )
        .route(
            "/outage",
            put(does(|issuer| outage(issuer, true))).delete(does(|issuer| outage(issuer, false))),
        )
        .route(
            "/revoke",
            post(does(|issuer| json!({ "revoked": issuer.revoke_all() }))),
        )
        .route(
            "/unlock",
            post(does(|issuer| {
                issuer.unlock_all();
                json!({ "accounts": issuer.account_statuses() })
            })),
        )
        .route("/clock", get(does(clock)).put(change_clock))
        .route("/trap", any(does(trap)))
        .fallback(unknown)
}

/// Creates the handler of a request without a body.
fn does<T: Serialize + 'static>(
    order: fn(&Issuer) -> T,
) -> impl Fn(State<Issuer>) -> Ready<Response> + Clone {
    move |State(issuer)| ready(ok(order(&issuer)))
}

fn ok(body: impl Serialize) -> Response {
    respond(StatusCode::OK, &json!(body))
}

fn bad(why: impl ToString) -> Response {
    let body = json!({ "error": why.to_string() });
    respond(StatusCode::BAD_REQUEST, &body)
}

/// Extracts a JSON body with any content type, such as that of `curl -d`.
struct Input<T>(T);

impl<T: DeserializeOwned> FromRequest<Issuer> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Issuer) -> Result<Self, Response> {
        let body = to_bytes(request.into_body(), BODY_LIMIT).await;
        let input = serde_json::from_slice(&body.map_err(bad)?);
        input.map(Self).map_err(bad)
    }
}

fn status(issuer: &Issuer) -> Value {
    json!({
        "outage": issuer.outage(),
        "token_requests_open": issuer.token_requests_open(),
        "tokens_alive": issuer.tokens_alive(),
        "accounts": issuer.account_statuses(),
        "counters": issuer.counters(),
        "rules": issuer.rules(),
        "faults": issuer.orders(),
        "clock": clock(issuer),
    })
}

/// Changes the rules named in the patch.
async fn change_rules(
    State(issuer): State<Issuer>,
    Input(patch): Input<Map<String, Value>>,
) -> Response {
    let mut outcome = Ok(());
    issuer.change_rules(|rules| {
        patched(&rules, patch).unwrap_or_else(|error| {
            outcome = Err(error);
            rules
        })
    });
    outcome.map_or_else(bad, |()| ok(issuer.rules()))
}

fn patched(rules: &Rules, patch: Map<String, Value>) -> serde_json::Result<Rules> {
    let mut all = json!(rules);
    if let Value::Object(all) = &mut all {
        all.extend(patch);
    }
    serde_json::from_value(all)
}

async fn order(State(issuer): State<Issuer>, Input(order): Input<Order>) -> Response {
    issuer.order(order);
    ok(issuer.orders())
}

fn outage(issuer: &Issuer, on: bool) -> Value {
    issuer.set_outage(on);
    json!({ "outage": on })
}

fn clock(issuer: &Issuer) -> Value {
    let clock = issuer.clock();
    json!({
        "now": httpdate::fmt_http_date(clock.now()),
        "offset": clock.offset_ms() as f64 / 1000.0,
    })
}

/// A change of the clock, in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    /// The new offset from the truth; behind, if negative.
    offset: Option<f64>,
    /// How far to advance the clock.
    #[serde(default, with = "number::option")]
    advance: Option<Duration>,
}

async fn change_clock(State(issuer): State<Issuer>, Input(change): Input<ClockChange>) -> Response {
    if let Some(offset) = change.offset {
        // A float too large for an integer becomes the largest; the clock has its own bounds.
        issuer.clock().set_offset_ms((offset * 1000.0) as i64);
    }
    if let Some(advance) = change.advance {
        issuer.clock().advance(advance);
    }
    ok(clock(&issuer))
}

/// Counts requests that followed a redirect which no client should follow, and returns a token that
/// was never valid.
fn trap(issuer: &Issuer) -> Value {
    issuer.count(|counters| counters.redirects_followed += 1);
    json!({
        "access_token": "from-the-trap-never-valid",
        "token_type": "bearer",
        "expires_in": 3599,
    })
}

/// Returns 404 for unknown control paths, so that a typo is no API call.
pub(super) async fn unknown() -> Response {
    let body = json!({ "error": "no such order; GET /-/sandbox/status shows what there is" });
    respond(StatusCode::NOT_FOUND, &body)
}
