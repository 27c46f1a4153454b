//! Wrong values in the lifetime field, and the `Date` header.

use std::time::Duration;

use enkash_auth_sandbox::{Issuer, Rules, Shape, Stated};
use serde_json::{Value, json};

use crate::support::{KEYS, RIGHT, START, form, issuer, merchant, send};

const CENTURIES: u64 = 3 * 100 * 365 * 86_400;

fn stating(stated: Stated) -> Rules {
    Rules::new()
        .lifetime(Duration::from_secs(300))
        .stated(stated)
}

async fn expires_in(stated: Stated) -> Value {
    let issuer = issuer(stating(stated));
    send(&issuer, form(RIGHT)).await.json()["expires_in"].clone()
}

async fn expiry(stated: Stated) -> Value {
    let issuer = issuer(stating(stated));
    send(&issuer, merchant(KEYS)).await.json()["expiry"].clone()
}

#[tokio::test]
async fn relative_lifetimes_are_stated_as_ruled() {
    assert_eq!(expires_in(Stated::Truth).await, 299);
    assert_eq!(expires_in(Stated::Quoted).await, "299");
    assert_eq!(expires_in(Stated::UnixSeconds).await, 299);
    assert_eq!(expires_in(Stated::Zero).await, 0);
    assert_eq!(expires_in(Stated::Negative).await, -1);
    assert_eq!(expires_in(Stated::HourAgo).await, -3600);
    assert_eq!(expires_in(Stated::Centuries).await, 299 + CENTURIES);
    assert_eq!(expires_in(Stated::Absent).await, json!(null));
}

#[tokio::test]
async fn absolute_lifetimes_are_stated_as_ruled() {
    let end = START + 300;
    assert_eq!(expiry(Stated::Truth).await, end * 1000);
    assert_eq!(expiry(Stated::Quoted).await, (end * 1000).to_string());
    assert_eq!(expiry(Stated::UnixSeconds).await, end);
    assert_eq!(expiry(Stated::SecondsLeft).await, 299);
    assert_eq!(expiry(Stated::Zero).await, 0);
    assert_eq!(expiry(Stated::Negative).await, -1);
    assert_eq!(expiry(Stated::HourAgo).await, (START - 3600) * 1000);
    assert_eq!(expiry(Stated::Centuries).await, (end + CENTURIES) * 1000);
    assert_eq!(expiry(Stated::Absent).await, json!(null));
}

#[tokio::test]
async fn absent_lifetime_field_is_not_null() {
    let issuer = issuer(stating(Stated::Absent).shape(Shape::C));
    let body = send(&issuer, form(RIGHT)).await.json();
    assert!(!body.as_object().unwrap().contains_key("expiresIn"));
}

#[tokio::test]
async fn stated_lifetime_does_not_change_real_lifetime() {
    let issuer = issuer(stating(Stated::HourAgo));
    let token = send(&issuer, form(RIGHT)).await.token();
    issuer.clock().advance(Duration::from_millis(299_999));
    assert!(issuer.accepts(&token));
    issuer.clock().advance(Duration::from_millis(1));
    assert!(!issuer.accepts(&token));
}

#[tokio::test]
async fn clock_offset_shows_in_date_and_expiry() {
    let issuer = issuer(stating(Stated::Truth));
    issuer.clock().set_offset_ms(-3_600_000);
    let response = send(&issuer, merchant(KEYS)).await;

    assert_eq!(response.header("date"), "Tue, 14 Nov 2023 21:13:20 GMT");
    assert_eq!(response.json()["expiry"], (START - 3600 + 300) * 1000);
}

#[tokio::test]
async fn clock_stays_within_http_date_range() {
    let issuer = Issuer::default();
    issuer.clock().set_offset_ms(i64::MAX);
    issuer.clock().advance(Duration::MAX);
    issuer.clock().advance(Duration::MAX);
    let response = send(&issuer, form(RIGHT)).await;
    assert_eq!(response.header("date"), "Fri, 31 Dec 9999 23:59:59 GMT");

    issuer.clock().set_offset_ms(i64::MIN);
    send(&issuer, form(RIGHT)).await;
}

#[tokio::test]
async fn date_header_can_be_absent() {
    let issuer = issuer(Rules::new().date_header(false));
    let response = send(&issuer, form(RIGHT)).await;
    assert!(!response.headers.contains_key("date"));
}
