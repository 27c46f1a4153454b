//! `/-/sandbox/clock`

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{bad, ok, read};
use crate::clock::Clock;
use crate::issuer::Issuer;
use crate::seconds;

/// What to do with the clock, in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// How far ahead of the truth it is to be; behind, if negative.
    offset: Option<f64>,
    /// How far it is to move on.
    #[serde(default, with = "seconds::option")]
    advance: Option<Duration>,
}

pub(crate) async fn show(State(issuer): State<Issuer>) -> Response {
    ok(describe(issuer.clock()))
}

pub(crate) async fn change(State(issuer): State<Issuer>, request: Request) -> Response {
    let change: Change = match read(request).await {
        Ok(change) => change,
        Err(why) => return bad(&why),
    };
    let clock = issuer.clock();
    if let Some(offset) = change.offset {
        // A float too large for an integer becomes the largest; the clock has its own bounds.
        clock.set_offset_ms((offset * 1000.0) as i64);
    }
    if let Some(advance) = change.advance {
        clock.advance(advance);
    }
    ok(describe(clock))
}

pub(crate) fn describe(clock: &Clock) -> Value {
    json!({
        "now": httpdate::fmt_http_date(clock.now()),
        "offset": clock.offset_ms() as f64 / 1000.0,
    })
}
