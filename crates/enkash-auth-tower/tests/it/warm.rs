//! `keep_warm`: the refresh task of a cache.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_sandbox::{Endpoint, Fault};
use enkash_auth_tower::{RefreshPolicy, TokenCache};
use futures_util::FutureExt;
use tokio::{
    runtime::{Handle, Runtime},
    time::{Instant, advance, sleep},
};

use crate::{
    support::{Kit, endpoint, grant, rules},
    undriven::{paused, runtime},
};

fn warm(lifetime: u64, delay: u64) -> Kit {
    let mut policy = RefreshPolicy::default();
    policy.keep_warm = true;
    Kit::with_policy(rules(lifetime, delay), policy)
}

#[tokio::test(start_paused = true)]
async fn token_is_refreshed_without_traffic_after_first_use() {
    let kit = warm(60, 50);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(
        kit.issuer.counters().token_requests,
        0,
        "not before the first use"
    );

    kit.tokens.warm_up().await.unwrap();
    let end = Instant::now() + Duration::from_secs(600);
    while Instant::now() < end {
        assert!(kit.tokens.peek().is_some());
        sleep(Duration::from_millis(333)).await;
    }
    let requests = kit.issuer.counters().token_requests;
    assert!((11..=14).contains(&requests), "{requests} token requests");
}

#[tokio::test(start_paused = true)]
async fn refresh_task_survives_an_outage() {
    let kit = warm(60, 50);
    kit.tokens.warm_up().await.unwrap();
    kit.issuer.set_outage(true);
    sleep(Duration::from_secs(300)).await;
    assert!(kit.tokens.peek().is_none());
    assert!(kit.tokens.status().expired_for().unwrap() > Duration::from_secs(200));
    kit.issuer.set_outage(false);
    sleep(Duration::from_secs(46)).await;
    assert!(kit.tokens.peek().is_some());
}

#[tokio::test(start_paused = true)]
async fn refresh_task_ends_with_last_handle() {
    let kit = warm(60, 50);
    kit.tokens.warm_up().await.unwrap();
    let issuer = kit.issuer.clone();
    drop(kit);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn refresh_task_does_not_retry_unresolved_attempt_early() {
    let mut policy = RefreshPolicy::default();
    policy.keep_warm = true;
    policy.retry_unresolved_after = Some(Duration::from_secs(900));
    let kit = Kit::with_policy(rules(60, 50), policy);
    let strange = Fault::OtherJson.at(Endpoint::Token);
    kit.issuer
        .order(strange.lasting(Duration::from_secs(3_000)));
    kit.tokens.warm_up().await.unwrap_err();
    sleep(Duration::from_secs(800)).await;
    let status = kit.tokens.status();
    assert_eq!(
        (status.token_requests(), status.unresolved_attempts()),
        (1, 1)
    );
    // After 15 min it is retried, as the policy says, without any caller.
    kit.issuer.cancel_orders();
    sleep(Duration::from_secs(140)).await;
    assert!(kit.tokens.peek().is_some());
}

fn kept_warm(clock: &ManualClock) -> TokenCache {
    let mut policy = RefreshPolicy::default();
    policy.keep_warm = true;
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move { grant(&format!("token-{nth}"), 300) }
    });
    TokenCache::builder(endpoint)
        .clock(clock.clone())
        .policy(policy)
        .unwrap()
        .build()
}

/// Starts the refresh on `idle`, which is not driven afterwards.
fn refresh_on(idle: &Runtime, tokens: &TokenCache, clock: &ManualClock) {
    clock.advance(Duration::from_secs(258));
    let _entered = idle.enter();
    assert!(tokens.token().now_or_never().is_some());
}

/// The pending fetch is on a runtime that is no longer driven, and there are no calls.
#[test]
fn refresh_task_abandons_fetch_of_undriven_runtime() {
    let (keeping, idle, clock) = (paused(), runtime(), ManualClock::new());
    let tokens = kept_warm(&clock);
    keeping.block_on(tokens.token()).unwrap();
    refresh_on(&idle, &tokens, &clock);
    keeping.block_on(async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-0");
        clock.advance(Duration::from_secs(9));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-1");
    });
}

#[test]
fn refresh_task_moves_to_another_runtime_when_its_own_ends() {
    let (ending, second, clock) = (paused(), paused(), ManualClock::new());
    let tokens = kept_warm(&clock);
    ending.block_on(tokens.token()).unwrap();
    drop(ending);
    clock.advance(Duration::from_secs(300));
    second.block_on(async {
        assert_eq!(tokens.token().await.unwrap().expose(), "token-1");
        clock.advance(Duration::from_secs(260));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-2");
    });
}

#[test]
fn refresh_task_moves_off_undriven_runtime() {
    let (idle, second, clock) = (paused(), paused(), ManualClock::new());
    let tokens = kept_warm(&clock);
    idle.block_on(tokens.token()).unwrap();
    clock.advance(Duration::from_secs(300));
    second.block_on(async {
        advance(Duration::from_secs(61)).await;
        assert_eq!(tokens.token().await.unwrap().expose(), "token-1");
        clock.advance(Duration::from_secs(260));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-2");
    });
    // If it is driven again, it ends, and fetches nothing.
    clock.advance(Duration::from_secs(260));
    let fetches = tokens.status().fetches();
    idle.block_on(async { sleep(Duration::from_secs(31)).await });
    assert_eq!(idle.metrics().num_alive_tasks(), 0);
    assert_eq!(tokens.status().fetches(), fetches);
}

#[test]
fn fetches_share_one_refresh_task() {
    let (keeping, clock) = (paused(), ManualClock::new());
    let tokens = kept_warm(&clock);
    keeping.block_on(async {
        tokens.token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
        clock.advance(Duration::from_secs(258));
        tokens.token().await.unwrap();
        // The refresh task and the fetch.
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 2);
    });
}

#[test]
fn refresh_task_moves_with_fetch_that_replaces_hung_one() {
    let (idle, second, clock) = (paused(), paused(), ManualClock::new());
    let tokens = kept_warm(&clock);
    idle.block_on(tokens.token()).unwrap();
    refresh_on(&idle, &tokens, &clock);
    clock.advance(Duration::from_secs(9));
    second.block_on(async {
        tokens.token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-1");
        clock.advance(Duration::from_secs(260));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(tokens.peek().unwrap().expose(), "token-2");
    });
}
