//! What the APIs of the products want of a call, and how they say that a token is not valid.

use std::time::Duration;

use axum::body::Body;
use enkash_auth_sandbox::{Accounts, Endpoint, Fault, Issuer, Rules};
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::support::{FullResponse, KEYS, api, control, issuer, merchant, send, token};

fn gateway(status: StatusCode) -> Issuer {
    issuer(Rules::new().payment_gateway(status))
}

async fn merchant_token(issuer: &Issuer) -> String {
    let response = send(issuer, merchant(KEYS)).await;
    response.json()["token"].as_str().unwrap().to_owned()
}

/// Makes a call with these headers.
async fn call(issuer: &Issuer, headers: &[(&str, &str)]) -> FullResponse {
    let mut request = Request::post("/api/v0/payment");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(issuer, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn payment_gateway_takes_bare_and_bearer_token() {
    let issuer = gateway(StatusCode::OK);
    let bare = merchant_token(&issuer).await;
    for authorization in [bare.clone(), format!("Bearer {bare}")] {
        let headers = [
            ("authorization", authorization.as_str()),
            ("merchantAccessKey", "access-key"),
        ];
        let response = call(&issuer, &headers).await;
        assert_eq!(response.json()["path"], "/api/v0/payment");
    }
    assert_eq!(issuer.counters().api_unauthorized, 0);
}

#[tokio::test]
async fn payment_gateway_rejects_token_by_body_with_status() {
    for status in [
        StatusCode::OK,
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
    ] {
        let issuer = gateway(status);
        let token = merchant_token(&issuer).await;
        issuer.revoke_all();
        for headers in [
            &[
                ("authorization", token.as_str()),
                ("merchantAccessKey", "access-key"),
            ][..],
            &[("authorization", "Basic eA==")],
            &[],
        ] {
            let response = call(&issuer, headers).await;
            assert_eq!(response.status, status);
            assert!(!response.headers.contains_key("www-authenticate"));
            assert_eq!(response.json()["response_code"], 117);
            assert_eq!(response.json()["payload"], "Token is invalid.");
        }
        assert_eq!(issuer.counters().api_unauthorized, 3);
    }
}

#[tokio::test]
async fn payment_gateway_wants_access_key_of_the_token() {
    let accounts = Accounts::new().merchant("other-key", "other-secret");
    let issuer = Issuer::builder()
        .accounts(accounts)
        .rules(Rules::new().payment_gateway(StatusCode::UNAUTHORIZED))
        .build();
    let token = merchant_token(&issuer).await;
    let authorization = ("authorization", token.as_str());
    let key = |key| ("merchantAccessKey", key);
    for headers in [
        &[authorization][..],
        &[authorization, key("other-key")],
        &[authorization, key("access-key"), key("access-key")],
    ] {
        let response = call(&issuer, headers).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(response.json()["response_code"], 1);
        let message = "Missing or wrong merchantAccessKey";
        assert_eq!(response.json()["response_message"], message);
    }
    let response = call(&issuer, &[authorization, key("access-key")]).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(issuer.counters().api_unauthorized, 0);
}

#[tokio::test]
async fn payment_gateway_wants_no_access_key_of_a_user() {
    let issuer = gateway(StatusCode::UNAUTHORIZED);
    let token = token(&issuer).await;
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn other_apis_take_no_bare_token_and_want_no_access_key() {
    let issuer = Issuer::default();
    let token = merchant_token(&issuer).await;
    let bare = call(&issuer, &[("authorization", &token)]).await;
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn partner_api_wants_partner_id() {
    let accounts = Accounts::new().partner_id("P1");
    let issuer = Issuer::builder().accounts(accounts).build();
    let bearer = format!("Bearer {}", token(&issuer).await);
    let authorization = ("authorization", bearer.as_str());
    for headers in [&[authorization][..], &[authorization, ("partnerId", "P2")]] {
        let response = call(&issuer, headers).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        let message = "Missing or wrong partnerId";
        assert_eq!(response.json()["response_message"], message);
    }
    let response = call(&issuer, &[authorization, ("partnerId", "P1")]).await;
    assert_eq!(response.status, StatusCode::OK);

    let unknown = [("authorization", "Bearer unknown"), ("partnerId", "P1")];
    let response = call(&issuer, &unknown).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.json()["error"], "invalid_token");
}

#[tokio::test]
async fn own_401_ignores_the_token_and_has_no_challenge() {
    let issuer = Issuer::default();
    let bearer = format!("Bearer {}", token(&issuer).await);
    for method in [Method::GET, Method::POST] {
        for authorization in [bearer.as_str(), "Bearer unknown"] {
            let request = Request::builder()
                .method(&method)
                .uri("/api/v0/own-401?page=2")
                .header("authorization", authorization)
                .body(Body::from("ignored"));
            let response = send(&issuer, request.unwrap()).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED);
            assert!(!response.headers.contains_key("www-authenticate"));
            assert_eq!(response.json()["response_code"], 401);
        }
    }
    let counters = issuer.counters();
    assert_eq!((counters.api_calls, counters.api_unauthorized), (4, 0));

    issuer.order(Fault::ServerError.at(Endpoint::Api));
    let request = Request::get("/api/v0/own-401").body(Body::empty()).unwrap();
    let response = send(&issuer, request).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn api_accepts_token_only_some_time_after_issue() {
    let late = Duration::from_millis(1500);
    let issuer = issuer(Rules::new().accepted_after(late));
    let token = token(&issuer).await;
    issuer.clock().advance(Duration::from_millis(1499));
    let response = send(&issuer, api(&token)).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    let description = format!("Invalid access token: {token}");
    assert_eq!(response.json()["error_description"], description);
    assert!(!issuer.accepts(&token));

    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
    assert_eq!(issuer.counters().api_unauthorized, 1);
}

#[tokio::test]
async fn reused_token_is_accepted_from_its_first_issue() {
    let issuer = issuer(Rules::new().accepted_after(Duration::from_secs(2)));
    let first = token(&issuer).await;
    issuer.clock().advance(Duration::from_secs(2));
    assert_eq!(token(&issuer).await, first);
    assert!(issuer.accepts(&first));
}

#[tokio::test]
async fn product_rules_are_patched_while_it_runs() {
    let issuer = Issuer::default();
    let patch = r#"{"payment_gateway": 200, "accepted_after": 1.5}"#;
    let response = send(&issuer, control(Method::PATCH, "/rules", patch)).await;
    assert_eq!(response.json()["payment_gateway"], json!(200));
    let expected = Rules::new()
        .payment_gateway(StatusCode::OK)
        .accepted_after(Duration::from_millis(1500));
    assert_eq!(issuer.rules(), expected);

    for patch in [
        r#"{"payment_gateway": 100}"#,
        r#"{"payment_gateway": 200.5}"#,
    ] {
        let response = send(&issuer, control(Method::PATCH, "/rules", patch)).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{patch}");
    }
    let patch = r#"{"payment_gateway": null, "accepted_after": 0}"#;
    send(&issuer, control(Method::PATCH, "/rules", patch)).await;
    assert_eq!(issuer.rules(), Rules::new());
}
