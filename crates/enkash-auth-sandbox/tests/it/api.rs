//! The guarded API paths.

use axum::body::Body;
use enkash_auth_sandbox::{Endpoint, Fault, Issuer, SandboxService};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{RIGHT, api, channel, form, send, token};

#[tokio::test]
async fn valid_token_gets_echo_of_request() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    let request = Request::put("/api/v0/cards?page=2")
        .header("authorization", format!("Bearer {token}"))
        .header("x-many", "one")
        .header("x-many", "two")
        .body(Body::from("twelve bytes"))
        .unwrap();
    let response = send(&issuer, request).await;

    assert_eq!(response.status, StatusCode::OK);
    let report = response.json();
    assert_eq!(report["method"], "PUT");
    assert_eq!(report["path"], "/api/v0/cards");
    assert_eq!(report["query"], "page=2");
    assert_eq!(report["body_length"], 12);
    assert_eq!(report["headers"]["x-many"], json!(["one", "two"]));
    assert_eq!(report["headers"]["authorization"], json!(["(not shown)"]));
    assert!(!report.to_string().contains(&token));
    assert_eq!(issuer.counters().api_calls, 1);
    assert_eq!(issuer.counters().api_unauthorized, 0);
}

#[tokio::test]
async fn echo_header_streams_body_back() {
    let issuer = Issuer::default();
    let (sender, body) = channel();
    let mut request = api(&token(&issuer).await).map(|_| Body::new(body));
    let headers = request.headers_mut();
    headers.insert("sandbox-echo", "body".parse().unwrap());
    headers.insert("content-type", "text/plain".parse().unwrap());

    let service = SandboxService::new(issuer);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain");
    let mut body = response.into_body();
    for piece in ["one", "two"] {
        sender.send(piece.into()).unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(sender);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn large_body_is_counted_and_not_buffered() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    issuer.order(Fault::Huge.at(Endpoint::Token));
    let service = SandboxService::new(issuer.clone());
    let huge = service.oneshot(form(RIGHT)).await.unwrap().into_body();

    let request = api(&token).map(|_| huge);
    assert_eq!(send(&issuer, request).await.json()["body_length"], 32 << 20);
}

#[tokio::test]
async fn unknown_token_is_401_with_bearer_challenge() {
    let issuer = Issuer::default();
    let response = send(&issuer, api(r#"no"such"#)).await;

    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.json()["error"], "invalid_token");
    assert_eq!(
        response.header("www-authenticate"),
        r#"Bearer realm="oauth2-resource", error="invalid_token", error_description="Invalid access token: no\"such""#
    );
    assert_eq!(issuer.counters().api_unauthorized, 1);
}

#[tokio::test]
async fn missing_or_duplicate_token_is_401() {
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
async fn revoked_token_is_401_at_once() {
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
async fn outage_stops_token_endpoint_but_not_api() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    issuer.set_outage(true);

    let response = send(&issuer, form(RIGHT)).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.header("content-type"), "text/html; charset=UTF-8");
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
    assert_eq!(issuer.counters().token_requests, 2);
    assert_eq!(issuer.counters().grants, 1);

    issuer.set_outage(false);
    let response = send(&issuer, form(RIGHT)).await;
    assert_eq!(response.status, StatusCode::OK);
}
