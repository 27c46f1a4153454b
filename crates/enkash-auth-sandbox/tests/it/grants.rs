//! Grants: dialects, shapes, lifetimes.

use std::time::Duration;

use enkash_auth_sandbox::{Issuer, Issuing, Rounding, Rules, Shape};
use http::StatusCode;
use serde_json::json;

use crate::support::{KEYS, RIGHT, START, api, form, issuer, merchant, send, token};

fn of(seconds: u64) -> Rules {
    Rules::new().lifetime(Duration::from_secs(seconds))
}

#[tokio::test]
async fn form_dialect_returns_shape_b() {
    let response = send(&issuer(of(300)), form(RIGHT)).await;

    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(
        response.header("content-type"),
        "application/json;charset=UTF-8"
    );
    assert_eq!(response.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    let body = response.json();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["scope"], "read write trust");
    assert_eq!(body["expires_in"], 299);
    assert_eq!(body["access_token"].as_str().unwrap().len(), 27);
    assert_eq!(body["refresh_token"].as_str().unwrap().len(), 27);
}

#[tokio::test]
async fn json_dialect_returns_shape_a() {
    let body = send(&issuer(of(300)), merchant(KEYS)).await.json();

    assert_eq!(body["token"].as_str().unwrap().len(), 27);
    assert_eq!(body["expiry"], (START + 300) * 1000);
    assert_eq!(body["resultCode"], 200);
    assert_eq!(body["resultMessage"], "Success");
}

#[tokio::test]
async fn each_dialect_returns_any_shape() {
    let issuer = issuer(of(300).shape(Shape::C));
    for request in [form(RIGHT), merchant(KEYS)] {
        let body = send(&issuer, request).await.json();
        assert_eq!(body["accessToken"].as_str().unwrap().len(), 27);
        assert_eq!(body["tokenType"], "bearer");
        assert_eq!(body["expiresIn"], 299);
    }

    issuer.change_rules(|rules| rules.shape(Shape::A).result_code(0));
    let body = send(&issuer, form(RIGHT)).await.json();
    assert_eq!(body["resultCode"], 0);
}

#[tokio::test]
async fn envelope_carries_grant_as_payload() {
    let body = send(&issuer(of(300).envelope(true)), form(RIGHT))
        .await
        .json();

    assert_eq!(body["response_code"], 0);
    assert_eq!(body["errorResponse"], json!(null));
    assert_eq!(body["payload"]["expires_in"], 299);
}

#[tokio::test]
async fn reusing_issuer_repeats_token_until_it_expires() {
    let issuer = issuer(of(300));
    let first = send(&issuer, form(RIGHT)).await;
    issuer.clock().advance(Duration::from_millis(100_500));
    let second = send(&issuer, form(RIGHT)).await;
    issuer.clock().advance(Duration::from_millis(199_499));
    let third = send(&issuer, form(RIGHT)).await;
    issuer.clock().advance(Duration::from_millis(1));
    let fourth = send(&issuer, form(RIGHT)).await;

    assert_eq!(first.token(), second.token());
    assert_eq!(second.json()["expires_in"], 199);
    assert_eq!(first.token(), third.token());
    assert_eq!(third.json()["expires_in"], 0);
    assert_ne!(first.token(), fourth.token());
    assert_eq!(fourth.json()["expires_in"], 299);
    assert_eq!((issuer.counters().grants, issuer.counters().minted), (4, 2));
}

#[tokio::test]
async fn rotating_issuer_keeps_earlier_tokens_valid() {
    let issuer = issuer(of(300).issuing(Issuing::Rotating));
    let (first, second) = (token(&issuer).await, token(&issuer).await);

    assert_ne!(first, second);
    assert!(issuer.accepts(&first) && issuer.accepts(&second));
    assert_eq!(issuer.tokens_alive(), 2);
}

#[tokio::test]
async fn exact_rounding_states_full_lifetime() {
    let issuer = issuer(of(300).rounding(Rounding::Exact));

    assert_eq!(send(&issuer, form(RIGHT)).await.json()["expires_in"], 300);
    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(send(&issuer, form(RIGHT)).await.json()["expires_in"], 299);
}

#[tokio::test]
async fn grant_can_be_expired_on_arrival() {
    let issuer = issuer(of(0));
    let response = send(&issuer, form(RIGHT)).await;

    assert_eq!(response.json()["expires_in"], 0);
    assert!(!issuer.accepts(&response.token()));
}

#[tokio::test(start_paused = true)]
async fn real_clock_follows_tokio_time() {
    let issuer = Issuer::builder().rules(of(300)).build();
    let token = token(&issuer).await;

    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(send(&issuer, api(&token)).await.status, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    let unauthorized = send(&issuer, api(&token)).await;
    assert_eq!(unauthorized.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn delay_holds_back_response_but_not_grant() {
    let issuer = Issuer::builder()
        .rules(of(300).delay(Duration::from_secs(7)))
        .build();
    let before = tokio::time::Instant::now();
    let response = send(&issuer, form(RIGHT)).await;

    assert_eq!(before.elapsed(), Duration::from_secs(7));
    assert_eq!(response.json()["expires_in"], 299);
    assert_eq!(send(&issuer, form(RIGHT)).await.json()["expires_in"], 292);
}
