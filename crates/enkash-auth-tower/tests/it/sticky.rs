//! An issuer that answers with the same token until that is over, as the legacy server family does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ErrorKind;
use enkash_auth_sandbox::{Issuing, Rounding, Rules, SandboxService};
use enkash_auth_tower::{EnkashAuthLayer, ReplayPolicy};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceBuilder;

use crate::support::{Kit, cache, call, endpoint, grant, rules};

/// What forty calls a second for `seconds` saw: the slowest call in each second.
async fn steady(kit: &Kit, seconds: u64) -> Vec<Duration> {
    let client = kit.client();
    let mut calls = JoinSet::new();
    for nth in 0..seconds * 40 {
        let mut client = client.clone();
        calls.spawn(async move {
            sleep(Duration::from_millis(nth * 25)).await;
            let asked = Instant::now();
            assert_eq!(call(&mut client).await.unwrap(), 200, "call {nth}");
            (nth / 40, asked.elapsed())
        });
    }
    let mut slowest = vec![Duration::ZERO; usize::try_from(seconds).unwrap()];
    for (second, took) in calls.join_all().await {
        let slot = slowest.get_mut(usize::try_from(second).unwrap()).unwrap();
        *slot = took.max(*slot);
    }
    slowest
}

fn sticky(lifetime: u64) -> Rules {
    rules(lifetime, 50).issuing(Issuing::Sticky)
}

fn millis(slowest: &[Duration]) -> u128 {
    slowest.iter().max().unwrap().as_millis()
}

#[tokio::test(start_paused = true)]
async fn tokens_of_eight_seconds_are_handed_over_without_a_failed_call() {
    let kit = Kit::new(sticky(8));
    let slowest = steady(&kit, 26).await;
    let requests = kit.issuer.counters().token_requests;
    assert!(requests <= 14, "{requests} token requests");
    assert!(millis(&slowest) <= 1_600, "{slowest:?}");
    // From the first hand-over on, the true lifetime is known.
    let (_, learned) = slowest.split_at(12);
    assert!(millis(learned) <= 400, "{slowest:?}");
    assert_eq!(kit.issuer.counters().api_refusals, 0);
}

#[tokio::test(start_paused = true)]
async fn it_holds_for_other_lifetimes_and_for_exact_ones() {
    for (rules, seconds) in [
        (sticky(3), 20),
        (sticky(5), 26),
        (sticky(20), 90),
        (sticky(60), 200),
        (sticky(8).rounding(Rounding::Exact), 40),
    ] {
        let said = format!("{rules:?}");
        let kit = Kit::new(rules);
        let slowest = steady(&kit, seconds).await;
        assert!(millis(&slowest) <= 1_600, "{slowest:?} of {said}");
        let (_, learned) = slowest.split_at(slowest.len() / 2);
        assert!(millis(learned) <= 400, "{slowest:?} of {said}");
        assert_eq!(kit.issuer.counters().api_refusals, 0, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sticky_issuer_is_not_asked_early_again() {
    let kit = Kit::new(sticky(300));
    kit.tokens.token().await.unwrap();
    for _ in 0..290 {
        kit.tokens.token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(
        kit.issuer.counters().token_requests,
        2,
        "one to learn that it is sticky"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_there_before_us_teaches_no_short_life() {
    let kit = Kit::new(sticky(20));
    // Somebody else had it minted fifteen seconds ago.
    let other = Kit::beside(&kit);
    other.tokens.token().await.unwrap();
    sleep(Duration::from_secs(15)).await;
    let slowest = steady(&kit, 70).await;
    assert!(millis(&slowest) <= 1_600, "{slowest:?}");
    assert_eq!(kit.issuer.counters().api_refusals, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_repeats_a_token_for_ever_costs_the_fetch_timeout_and_one_error() {
    let asked = Arc::new(AtomicU64::new(0));
    let tokens = cache(endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            async move { grant("one", if is_first { 2 } else { 0 }) }
        }
    }));
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let started = Instant::now();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidAnswer);
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_error_does_not_hide_that_the_token_is_revoked_later() {
    let kit = Kit::new(sticky(86_399));
    let is_wrong = Arc::new(AtomicBool::new(false));
    let errs = Arc::clone(&is_wrong);
    let mut client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default()))
        .map_response(move |mut response: http::Response<_>| {
            if errs.swap(false, Ordering::Relaxed) {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            }
            response
        })
        .service(SandboxService::new(kit.issuer.clone()));
    call(&mut client).await.unwrap();
    is_wrong.store(true, Ordering::Relaxed);
    call(&mut client).await.unwrap();
    assert_eq!(kit.issuer.counters().token_requests, 2);
    sleep(Duration::from_secs(3_600)).await;
    kit.issuer.revoke_all();
    assert_eq!(call(&mut client).await.unwrap(), 200);
    assert_eq!(kit.issuer.counters().token_requests, 3);
}
