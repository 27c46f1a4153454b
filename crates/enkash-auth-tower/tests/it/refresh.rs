//! Refreshing tokens, early and after they expired.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::ErrorKind;
use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

use crate::support::{Kit, cache, endpoint, grant, rules, status};

#[tokio::test(start_paused = true)]
async fn early_refresh_makes_no_caller_wait() {
    let kit = Kit::new(rules(60, 500));
    let first = kit.tokens.token().await.unwrap();
    sleep(Duration::from_secs(52)).await;

    let asked = Instant::now();
    let during = kit.tokens.token().await.unwrap();
    assert_eq!(
        (during.generation(), asked.elapsed()),
        (first.generation(), Duration::ZERO)
    );
    assert!(kit.tokens.status().is_fetching());
    for _ in 0..100 {
        kit.tokens.token().await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        kit.tokens.token().await.unwrap().generation(),
        first.generation() + 1
    );
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn failed_early_refresh_keeps_valid_token() {
    let kit = Kit::new(rules(60, 10));
    let first = kit.tokens.token().await.unwrap();
    sleep(Duration::from_secs(52)).await;
    kit.issuer.set_outage(true);
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let token = kit.tokens.token().await.unwrap();
        assert_eq!(token.generation(), first.generation());
        sleep(Duration::from_millis(10)).await;
    }
    let status = kit.tokens.status();
    assert_eq!(status.last_error().unwrap().kind(), ErrorKind::Unavailable);
    assert!(
        (3..=5).contains(&status.fetches()),
        "it backs off: {} fetches",
        status.fetches()
    );

    // Nothing is attached past the deadline, a fiftieth of the lifetime before the expiry.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        kit.tokens.token().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(kit.tokens.peek().is_none());
}

#[tokio::test(start_paused = true)]
async fn unused_cache_fetches_nothing() {
    let kit = Kit::new(rules(60, 10));
    sleep(Duration::from_secs(600)).await;
    kit.tokens.token().await.unwrap();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn token_expired_on_arrival_is_refetched_after_backoff() {
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = cache(endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move { grant(&format!("token-{nth}"), 0) }
    }));
    for _ in 0..1_000 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        yield_now().await;
    }
    // The third shows that the issuer does not reuse its tokens.
    assert_eq!(tokens.status().token_requests(), 3);
    assert!(tokens.peek().is_none());
}

#[tokio::test(start_paused = true)]
async fn fetch_longer_than_lifetime_does_not_loop() {
    let tokens = cache(endpoint(|_| async {
        sleep(Duration::from_secs(2)).await;
        grant("one", 1)
    }));
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::InvalidResponse
    );
    assert_eq!(tokens.status().token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn reissued_token_keeps_its_generation() {
    let tokens = cache(endpoint(|_| async { grant("one", 60) }));
    let first = tokens.token().await.unwrap();
    sleep(Duration::from_secs(55)).await;
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let second = tokens.token().await.unwrap();
    assert_eq!(tokens.status().token_requests(), 2);
    assert_eq!(second.generation(), first.generation());
    assert_ne!(
        second.schedule(),
        first.schedule(),
        "its end is anchored anew"
    );
}

#[tokio::test(start_paused = true)]
async fn misconfigured_endpoint_fails_without_retry() {
    let tokens = cache(endpoint(|_| async { status(404) }));
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("base address"), "{error}");
    assert_eq!(tokens.status().token_requests(), 1);
}
