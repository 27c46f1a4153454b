//! The handlers for probes.

use std::time::Duration;

use axum::{Router, body::Body};
use enkash_auth_axum::health;
use enkash_auth_core::ManualClock;
use enkash_auth_sandbox::{Issuer, SandboxService};
use enkash_auth_tower::TokenCache;
use enkash_auth_tower::{EnkashAuthLayer, TokenEndpoint};
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Layer, ServiceExt};

use crate::support;

async fn ask(tokens: &TokenCache, path: &str) -> (StatusCode, Value) {
    let app: Router = health::router(tokens.clone());
    let response = app.oneshot(support::get(path)).await.unwrap();
    let status = response.status();
    let body = Body::new(response.into_body()).collect().await.unwrap();
    let report = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    (status, report)
}

#[tokio::test]
async fn cold_cache_is_live_but_not_ready() {
    let tokens = support::a_cache();
    assert_eq!(ask(&tokens, "/-/live").await.0, StatusCode::OK);
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(report["state"], "initial");
    assert_eq!(report["remaining_seconds"], Value::Null);
}

#[tokio::test]
async fn warm_cache_is_ready_and_reports_remaining_seconds() {
    let tokens = support::a_cache();
    tokens.warm_up().await.unwrap();
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!((code, &report["state"]), (StatusCode::OK, &"ready".into()));
    let (_, report) = ask(&tokens, "/-/status").await;
    let seconds = |name: &str| report[name].as_u64().unwrap();
    assert!(seconds("remaining_seconds") > 80_000);
    assert!(seconds("lifetime_seconds") >= seconds("remaining_seconds"));
    assert_eq!(report["token_requests"], 1);
    assert_eq!(report["strikes"], 0);
    assert_eq!(report["unresolved_attempts"], 0);
    assert_eq!(report["last_error"], Value::Null);
}

#[tokio::test]
async fn outage_is_reported_as_failing() {
    let issuer = Issuer::default();
    issuer.set_outage(true);
    let tokens = support::tokens(&issuer);
    tokio::time::pause();
    tokens.warm_up().await.unwrap_err();
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(report["state"], "failing");
    assert_eq!(report["last_error"], "unavailable");
    assert_eq!(report["token_requests"], 3);
}

#[tokio::test]
async fn rejected_credentials_report_closed_and_one_strike() {
    let issuer = Issuer::builder()
        .accounts(enkash_auth_sandbox::Accounts::none())
        .build();
    let tokens = support::tokens(&issuer);
    tokens.warm_up().await.unwrap_err();
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&report["state"], &report["last_error"]),
        (&"closed".into(), &"rejected".into())
    );
    assert_eq!(
        (&report["strikes"], &report["token_requests"]),
        (&1.into(), &1.into())
    );
}

/// A cache that counts by `clock`.
fn tokens_at(clock: &ManualClock, issuer: &Issuer) -> TokenCache {
    let service = SandboxService::new(issuer.clone());
    let endpoint =
        TokenEndpoint::with_service(support::a_server(), support::credentials("x"), service);
    let tokens = TokenCache::builder(endpoint.unwrap());
    tokens.clock(clock.clone()).build()
}

#[tokio::test]
async fn gap_between_tokens_is_bridged_for_five_seconds() {
    let clock = ManualClock::default();
    let tokens = tokens_at(&clock, &Issuer::default());
    tokens.warm_up().await.unwrap();

    clock.advance(tokens.status().remaining().unwrap());
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(
        (code, &report["state"]),
        (StatusCode::OK, &"bridging".into())
    );
    assert_eq!(report["remaining_seconds"], Value::Null);

    clock.advance(Duration::from_millis(4_990));
    assert_eq!(ask(&tokens, "/-/ready").await.0, StatusCode::OK);
    clock.advance(Duration::from_millis(20));
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(
        (code, &report["state"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"initial".into())
    );
}

#[tokio::test]
async fn unauthorized_token_is_evicted_and_gap_is_bridged() {
    let (clock, issuer) = (ManualClock::default(), Issuer::default());
    let tokens = tokens_at(&clock, &issuer);
    tokens.warm_up().await.unwrap();
    // The API knows it by now.
    clock.advance(Duration::from_secs(3));
    issuer.revoke_all();
    let layer = EnkashAuthLayer::new(tokens.clone());
    let layer = layer.allow_origin(support::UPSTREAM.parse().unwrap());
    let api = layer.layer(SandboxService::new(issuer.clone()));
    let call = || support::get(&format!("{}/api/v0/cards", support::UPSTREAM));
    let response = api.clone().oneshot(call()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let (code, report) = ask(&tokens, "/-/ready").await;
    assert_eq!(
        (code, &report["state"]),
        (StatusCode::OK, &"bridging".into())
    );
    assert_eq!(report["remaining_seconds"], Value::Null);
    assert_eq!(api.oneshot(call()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask(&tokens, "/-/ready").await.1["state"], "ready");
}
