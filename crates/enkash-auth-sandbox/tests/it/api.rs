//! The guarded API paths.

use axum::body::Body;
use enkash_auth_sandbox::Issuer;
use http::{Request, StatusCode};
use serde_json::json;

use crate::support::{RIGHT, api, form, send, token};

#[tokio::test]
async fn a_valid_token_is_let_in_and_the_request_reported() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    let request = Request::put("/api/v0/cards?page=2")
        .header("authorization", format!("Bearer {token}"))
        .header("x-many", "one")
        .header("x-many", "two")
        .body(Body::from("twelve bytes"))
        .unwrap();
    let answer = send(&issuer, request).await;

    assert_eq!(answer.status, StatusCode::OK);
    let report = answer.json();
    assert_eq!(report["method"], "PUT");
    assert_eq!(report["path"], "/api/v0/cards");
    assert_eq!(report["query"], "page=2");
    assert_eq!(report["body_length"], 12);
    assert_eq!(report["headers"]["x-many"], json!(["one", "two"]));
    assert_eq!(report["headers"]["authorization"], json!(["(not shown)"]));
    assert!(!report.to_string().contains(&token));
    assert_eq!(issuer.counters().api_calls, 1);
    assert_eq!(issuer.counters().api_refusals, 0);
}

#[tokio::test]
async fn an_unknown_token_is_401_with_a_bearer_challenge() {
    let issuer = Issuer::default();
    let answer = send(&issuer, api(r#"no"such"#)).await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["error"], "invalid_token");
    assert_eq!(
        answer.header("www-authenticate"),
        r#"Bearer realm="oauth2-resource", error="invalid_token", error_description="Invalid access token: no\"such""#
    );
    assert_eq!(issuer.counters().api_refusals, 1);
}

#[tokio::test]
async fn no_token_or_two_are_401() {
    let issuer = Issuer::default();
    let none = Request::get("/anything").body(Body::empty()).unwrap();
    assert_eq!(send(&issuer, none).await.status, StatusCode::UNAUTHORIZED);

    let token = token(&issuer).await;
    let mut two = api(&token);
    two.headers_mut()
        .append("authorization", "Basic eA==".parse().unwrap());
    assert_eq!(send(&issuer, two).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn revoked_tokens_are_refused_at_once() {
    let issuer = Issuer::default();
    let first = token(&issuer).await;
    assert_eq!(issuer.revoke_all(), 1);
    assert_eq!(
        send(&issuer, api(&first)).await.status,
        StatusCode::UNAUTHORIZED
    );

    let second = token(&issuer).await;
    assert_ne!(first, second);
    assert!(issuer.revoke(&second));
    assert!(!issuer.revoke(&second));
    assert!(!issuer.accepts(&second));
}

#[tokio::test]
async fn an_outage_stops_tokens_and_not_the_api() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    issuer.set_outage(true);

    let answer = send(&issuer, form(RIGHT)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("content-type"), "text/html; charset=UTF-8");
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
    assert_eq!(issuer.counters().token_requests, 2);
    assert_eq!(issuer.counters().grants, 1);

    issuer.set_outage(false);
    let answer = send(&issuer, form(RIGHT)).await;
    assert_eq!(answer.status, StatusCode::OK);
}
