//! The refresh grant, which revokes the access token that it replaces.

use std::time::Duration;

use axum::body::Body;
use enkash_auth_sandbox::{Accounts, Issuer, Refresh, Rules, Shape};
use http::{Request, StatusCode};
use serde_json::json;

use crate::support::{FullResponse, KEYS, RIGHT, WRONG, form, issuer, merchant, send};

fn with(response: &FullResponse) -> Request<Body> {
    let token = response.json()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    form(&format!("grant_type=refresh_token&refresh_token={token}"))
}

fn assert_rejected(response: &FullResponse) {
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn refresh_revokes_old_access_token() {
    let issuer = Issuer::default();
    let first = send(&issuer, form(RIGHT)).await;
    let second = send(&issuer, with(&first)).await;

    assert_eq!(second.status, StatusCode::OK);
    assert!(!issuer.accepts(&first.token()));
    assert!(issuer.accepts(&second.token()));
    assert_eq!(issuer.counters().refreshes, 1);
    // The password grant returns the new token from now on.
    let third = send(&issuer, form(RIGHT)).await;
    assert_eq!(third.token(), second.token());
}

#[tokio::test]
async fn reusable_refresh_token_works_twice() {
    let issuer = Issuer::default();
    let first = send(&issuer, form(RIGHT)).await;
    let second = send(&issuer, with(&first)).await;
    let third = send(&issuer, with(&first)).await;

    assert_eq!(
        second.json()["refresh_token"],
        first.json()["refresh_token"]
    );
    assert!(!issuer.accepts(&second.token()));
    assert!(issuer.accepts(&third.token()));
}

#[tokio::test]
async fn rotated_refresh_token_works_once() {
    let issuer = issuer(Rules::new().refresh(Refresh::Rotated));
    let first = send(&issuer, form(RIGHT)).await;
    let second = send(&issuer, with(&first)).await;

    assert_ne!(
        second.json()["refresh_token"],
        first.json()["refresh_token"]
    );
    assert_rejected(&send(&issuer, with(&first)).await);
    assert_eq!(send(&issuer, with(&second)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refresh_grant_can_be_disabled() {
    let issuer = issuer(Rules::new().refresh(Refresh::Off));
    let first = send(&issuer, form(RIGHT)).await.json();
    assert!(!first.as_object().unwrap().contains_key("refresh_token"));

    let rejected = send(&issuer, form("grant_type=refresh_token&refresh_token=x")).await;
    assert_eq!(rejected.json()["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn unknown_expired_or_foreign_refresh_token_is_rejected() {
    let accounts = Accounts::new().client("other", "client");
    let rules = Rules::new().refresh_lifetime(Duration::from_secs(300));
    let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
    let response = send(&issuer, form(RIGHT)).await;

    assert_rejected(&send(&issuer, form("grant_type=refresh_token&refresh_token=x")).await);

    let mut others = with(&response);
    // other:client
    let basic = "Basic b3RoZXI6Y2xpZW50".parse().unwrap();
    others.headers_mut().insert("authorization", basic);
    assert_rejected(&send(&issuer, others).await);

    issuer.clock().advance(Duration::from_secs(300));
    assert_rejected(&send(&issuer, with(&response)).await);
    assert!(issuer.accepts(&response.token()));
    assert_eq!(issuer.account_statuses()[0].strikes, 0);
}

#[tokio::test]
async fn locked_account_cannot_refresh() {
    let issuer = Issuer::default();
    let response = send(&issuer, form(RIGHT)).await;
    for _ in 0..3 {
        send(&issuer, form(WRONG)).await;
    }
    let locked = send(&issuer, with(&response)).await;
    assert_rejected(&locked);
    assert_eq!(
        locked.json()["error_description"],
        json!("User account is locked")
    );
}

#[tokio::test]
async fn locked_merchant_cannot_refresh() {
    // The refresh tokens belong to the client whose name is the access key.
    let accounts = Accounts::new().client("access-key", "secret");
    let rules = Rules::new().shape(Shape::B);
    let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
    let response = send(&issuer, merchant(KEYS)).await;
    let refresh = || {
        let mut request = with(&response);
        // access-key:secret
        let basic = "Basic YWNjZXNzLWtleTpzZWNyZXQ=".parse().unwrap();
        request.headers_mut().insert("authorization", basic);
        request
    };
    assert_eq!(send(&issuer, refresh()).await.status, StatusCode::OK);
    for _ in 0..3 {
        let guess = r#"{"accessKey":"access-key","secretKey":"guess"}"#;
        send(&issuer, merchant(guess)).await;
    }
    assert_rejected(&send(&issuer, refresh()).await);
}
