//! Short programs that wait for their own refresh.

use std::time::Duration;

use enkash_auth_core::ManualClock;
use enkash_auth_tower::TokenCache;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, assert_ready, task};

use crate::{
    support::{Kit, TokioClock, endpoint, grant, rules},
    undriven::{paused, runtime, stuck_at_first},
};

#[test]
fn idle_without_a_fetch_completes_at_once_and_starts_none() {
    let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 300) })).build();
    assert_eq!(tokens.idle().now_or_never(), Some(()));
    assert_eq!(tokens.status().fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn idle_completes_with_the_background_refresh() {
    let kit = Kit::new(rules(60, 500));
    kit.tokens.token().await.unwrap();
    sleep(Duration::from_secs(52)).await;
    kit.tokens.token().await.unwrap();
    let started = Instant::now();
    kit.tokens.idle().await;
    assert_eq!(started.elapsed().as_millis(), 500);
    assert_eq!(kit.tokens.status().generation(), Some(2));
    assert_eq!(kit.tokens.status().unresolved_attempts(), 0);
    assert_eq!(kit.tokens.status().fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_idle_does_not_affect_other_waiters() {
    let kit = Kit::new(rules(60, 500));
    let mut caller = task::spawn(kit.tokens.token());
    assert_pending!(caller.poll());
    let mut other = task::spawn(kit.tokens.idle());
    assert_pending!(other.poll());
    {
        let mut dropped = task::spawn(kit.tokens.idle());
        assert_pending!(dropped.poll());
    }
    sleep(Duration::from_millis(501)).await;
    assert!(other.is_woken());
    assert_ready!(other.poll());
    assert!(kit.tokens.peek().is_some());
}

#[test]
fn idle_does_not_wait_for_an_overdue_fetch() {
    let (undriven, second) = (runtime(), paused());
    second.block_on(async {
        let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 300) }))
            .clock(TokioClock::new())
            .build();
        {
            let _entered = undriven.enter();
            assert!(tokens.token().now_or_never().is_none());
        }
        let started = Instant::now();
        tokens.idle().await;
        let waited = started.elapsed();
        assert!((8..9).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!(tokens.status().fetches(), 1);
    });
}

#[test]
fn idle_outside_runtime_completes_with_the_fetch() {
    let (tokens, _) = stuck_at_first(&ManualClock::new());
    let first = runtime();
    first.block_on(async { assert!(tokens.token().now_or_never().is_none()) });
    let mut idle = task::spawn(tokens.idle());
    assert_pending!(idle.poll());
    drop(first);
    assert!(idle.is_woken());
    assert_ready!(idle.poll());
}

#[test]
fn idle_may_move_to_another_runtime() {
    let (undriven, second) = (runtime(), paused());
    let clock = ManualClock::new();
    let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 300) }))
        .clock(clock.clone())
        .build();
    let mut idle = Box::pin(tokens.idle());
    undriven.block_on(async {
        assert!(tokens.token().now_or_never().is_none());
        assert!((&mut idle).now_or_never().is_none());
    });
    second.block_on(async {
        assert!((&mut idle).now_or_never().is_none());
        clock.advance(Duration::from_millis(8_600));
        idle.await;
    });
}
