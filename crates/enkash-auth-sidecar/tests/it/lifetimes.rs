//! Tokens that expire, also with an issuer that reuses them, or are revoked.

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_sandbox::{Endpoint, Fault, Issuing, Rules};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use super::{requests::FullResponse, stage::Stage};

/// Calls the sidecar `count` times, every `pause`; returns the statuses.
async fn calls(stage: &Stage, count: u32, pause: Duration) -> Vec<StatusCode> {
    let (client, url) = (stage.client(), stage.url("/api/v0/any"));
    let mut next = interval(pause);
    let mut calls = JoinSet::new();
    for _ in 0..count {
        next.tick().await;
        let (client, url) = (client.clone(), url.clone());
        calls.spawn(async move {
            let request = Request::get(&*url).body(Full::<Bytes>::default()).unwrap();
            FullResponse::read(client.request(request).await)
                .await
                .status
        });
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 26 s: three lifetimes of a token"]
async fn reused_tokens_are_replaced_without_failed_call() {
    let rules = Rules::new()
        .issuing(Issuing::Reusing)
        .lifetime(Duration::from_secs(8))
        .delay(Duration::from_millis(50));
    let stage = Stage::with_rules(rules).await;
    let statuses = calls(&stage, 26 * 40, Duration::from_millis(25)).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::OK));
    assert!(stage.token_requests() <= 20, "{}", stage.token_requests());
    assert_eq!(stage.issuer().counters().api_unauthorized, 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_with_revoked_token_succeed_after_one_token_request() {
    let rules = Rules::new().issuing(Issuing::Rotating);
    let stage = Stage::with_rules(rules).await;
    calls(&stage, 1, Duration::from_millis(1)).await;
    stage.issuer().revoke_all();
    let statuses = calls(&stage, 60, Duration::from_millis(1)).await;
    assert!(
        statuses.iter().all(|status| *status == StatusCode::OK),
        "{statuses:?}"
    );
    assert_eq!(stage.token_requests(), 2);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn api_that_returns_only_401_causes_no_token_storm() {
    let rules = Rules::new().issuing(Issuing::Rotating);
    let stage = Stage::with_rules(rules).await;
    // Every token is revoked as soon as it is used.
    let issuer = stage.issuer().clone();
    let revoking = tokio::spawn(async move {
        loop {
            issuer.revoke_all();
            sleep(Duration::from_millis(1)).await;
        }
    });
    let statuses = calls(&stage, 100, Duration::from_millis(30)).await;
    revoking.abort();
    let unauthorized = statuses
        .iter()
        .filter(|status| **status == StatusCode::UNAUTHORIZED);
    assert!(unauthorized.count() >= 95, "{statuses:?}");
    assert!(stage.token_requests() <= 3, "{}", stage.token_requests());
    stage.finish().await;
}

/// Makes a call that must not be executed twice.
async fn pay(stage: &Stage) -> StatusCode {
    let request = Request::post(stage.url("/api/v0/payout")).body(Full::from("amount=1"));
    stage.send(request.unwrap()).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_with_invalid_token_is_executed_once() {
    let stage = Stage::with_rules(Rules::new().issuing(Issuing::Rotating)).await;
    stage.get("/api/v0/any").await;
    stage.issuer().revoke_all();
    stage.issuer().reset_counters();
    assert_eq!(pay(&stage).await, StatusCode::OK);
    let counters = stage.issuer().counters();
    // Received twice, unauthorized once, so executed once.
    assert_eq!((counters.api_calls, counters.api_unauthorized), (2, 1));
    assert_eq!(counters.token_requests, 1);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_with_401_but_no_challenge_is_not_replayed() {
    let stage = Stage::with_rules(Rules::new().issuing(Issuing::Rotating)).await;
    stage.get("/api/v0/any").await;
    for challenge in [
        None,
        Some("Bearer"),
        Some("Bearer error=\"insufficient_scope\""),
    ] {
        let named = challenge.map(|text| ("www-authenticate".to_owned(), text.to_owned()));
        let unauthorized = Fault::Response {
            status: StatusCode::UNAUTHORIZED,
            headers: named.into_iter().collect(),
            body: String::new(),
        };
        stage.issuer().reset_counters();
        stage.issuer().order(unauthorized.at(Endpoint::Api));
        assert_eq!(pay(&stage).await, StatusCode::UNAUTHORIZED);
        assert_eq!(stage.issuer().counters().api_calls, 1, "{challenge:?}");
    }
    stage.finish().await;
}
