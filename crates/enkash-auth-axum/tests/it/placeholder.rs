//! What callers get for their token requests.

use axum::body::{Body, Bytes};
use enkash_auth_tower::BoxError;
use futures_util::{StreamExt, stream};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Upstream, call};

/// Makes a call that must not arrive, and returns its response.
async fn placeholder(request: Request<Body>) -> Value {
    let upstream = Upstream::new();
    let shown = format!("{} {}", request.method(), request.uri());
    let response = call(&upstream.proxy(), request).await;
    assert_eq!(upstream.calls(), 0, "{shown}");
    assert_eq!(response.status(), 200, "{shown}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn post(path: &str, body: &'static str) -> Request<Body> {
    Request::post(path).body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn merchant_keys_get_a_token_with_its_expiry() {
    let keys = r#"{"accessKey":"wrong","secretKey":"wrong"}"#;
    let mut response = placeholder(post("/api/v0/merchant/token", keys)).await;
    let expiry = response["expiry"].take().as_u64().unwrap();
    // In milliseconds, some time from now.
    assert!(expiry > 1_700_000_000_000, "{expiry}");
    let expected = json!({
        "token": "enkash-sidecar",
        "expiry": null,
        "resultCode": 0,
        "resultMessage": "Success",
    });
    assert_eq!(response, expected);
}

#[tokio::test]
async fn password_gets_all_names_that_products_have() {
    let form = "grant_type=password&username=a&password=wrong";
    let mut response = placeholder(post("/oauth/token", form)).await;
    assert!(response["expiry"].take().is_u64());
    let expected = json!({
        "access_token": "enkash-sidecar",
        "token_type": "bearer",
        "refresh_token": "enkash-sidecar",
        "expires_in": 300,
        "scope": "read write trust",
        "accessToken": "enkash-sidecar",
        "tokenType": "bearer",
        "refreshToken": "enkash-sidecar",
        "expiresIn": 300,
        "token": "enkash-sidecar",
        "expiry": null,
        "resultCode": 0,
        "resultMessage": "Success",
    });
    assert_eq!(response, expected);
}

/// Core's `token_path` has more spellings.
#[tokio::test]
async fn token_path_in_any_spelling_and_method_is_not_forwarded() {
    for path in [
        "/oauth/token",
        "/OAuth/Token/",
        "/oauth%2ftoken?a=b",
        "/oauth/%2574oken",
        "//oauth//token",
        "/x/../oauth/token",
        "/oauth;a=b/token;c",
        "/oauth\\token",
        "/oauth/token.json",
        "/base/oauth/token",
        "/api/v0/merchant/token",
        "/api/v0/merch%61nt/token",
        "http://elsewhere.example/oauth/token",
        "/oauth/to\u{212a}en",
    ] {
        for method in [Method::POST, Method::GET, Method::PUT, Method::OPTIONS] {
            let request = Request::builder().method(method).uri(path);
            let response = placeholder(request.body(Body::from("a=b")).unwrap()).await;
            assert_eq!(response["token"], "enkash-sidecar", "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn long_or_stalled_or_broken_credentials_get_it_too() {
    let start = Instant::now();
    let long = stream::repeat_with(|| Ok::<_, BoxError>(Bytes::from_static(&[b'x'; 1024])));
    let stalled = stream::pending::<Result<Bytes, BoxError>>();
    let broken = stream::iter([Err::<Bytes, BoxError>("bad chunk".into())]);
    for body in [
        Body::from_stream(long),
        Body::from_stream(stalled.fuse()),
        Body::from_stream(broken),
    ] {
        placeholder(Request::post("/oauth/token").body(body).unwrap()).await;
    }
    assert_eq!(start.elapsed().as_secs(), 5, "of the stalled one");
}
