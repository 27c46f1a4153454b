//! Runtimes that are dropped, or no longer driven, during a fetch.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{EnkashAuthLayer, MemoryStore, TokenCache, TokenEndpoint};
use futures_util::FutureExt;
use http::Request;
use tokio::sync::oneshot;
use tower::Layer;

use crate::{
    support::{YOUNG, call, endpoint, grant, invalid_token},
    undriven::{paused, runtime, stuck_at_first},
};

/// Returns an endpoint whose second token request never ends, and which counts requests in `asked`.
fn stuck_at_second(asked: &Arc<AtomicU32>) -> TokenEndpoint {
    let asked = Arc::clone(asked);
    endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            if nth == 1 {
                pending::<()>().await;
            }
            grant(&format!("token-{nth}"), 300)
        }
    })
}

#[test]
fn runtime_dropped_mid_fetch_next_runtime_fetches_again() {
    let (tokens, made) = stuck_at_first(&ManualClock::new());
    let first = runtime();
    first.block_on(async {
        let waiter = tokio::spawn(tokens.token());
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert!(tokens.status().is_fetching());
        drop(waiter);
    });
    drop(first);
    assert!(!tokens.status().is_fetching());
    let token = runtime().block_on(tokens.token()).unwrap();
    assert_eq!(token.expose(), "one");
    assert_eq!(
        made.load(Ordering::Relaxed),
        2,
        "on a connection of its own"
    );
    assert_eq!(tokens.status().token_requests(), 2);
}

#[test]
fn waiter_survives_drop_of_fetching_runtime() {
    let (tokens, _) = stuck_at_first(&ManualClock::new());
    let first = runtime();
    first.block_on(async {
        assert!(tokens.token().now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    let second = runtime();
    let waiter = second.spawn(tokens.token());
    second.block_on(tokio::task::yield_now());
    drop(first);
    assert_eq!(second.block_on(waiter).unwrap().unwrap().expose(), "one");
}

#[test]
fn fetch_on_undriven_runtime_is_abandoned_at_its_deadline() {
    let clock = ManualClock::new();
    let (tokens, made) = stuck_at_first(&clock);
    let idle = runtime();
    idle.block_on(async {
        assert!(tokens.token().now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    assert_eq!(tokens.status().token_requests(), 1);

    let second = runtime();
    second.block_on(async {
        assert!(tokens.token().now_or_never().is_none());
        assert_eq!(tokens.status().fetches(), 1, "the fetch may still complete");
        clock.advance(Duration::from_millis(8_600));
        assert_eq!(tokens.token().await.unwrap().expose(), "one");
    });
    assert_eq!(tokens.status().fetches(), 2);
    assert_eq!(
        made.load(Ordering::Relaxed),
        2,
        "on a connection of its own"
    );

    // The first fetch completes after all: its number is not that of a pending fetch.
    drop(idle);
    assert_eq!(second.block_on(tokens.token()).unwrap().generation(), 1);
    assert_eq!(tokens.status().fetches(), 2);
}

#[test]
fn waiter_abandons_undriven_fetch_by_itself() {
    let idle = runtime();
    let second = paused();
    second.block_on(async {
        let clock = ManualClock::new();
        let endpoint = endpoint(|_| async { grant("one", 300) });
        let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
        {
            let _entered = idle.enter();
            assert!(tokens.token().now_or_never().is_none());
        }
        let waiter = tokio::spawn(tokens.token());
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(8_600));
        let started = tokio::time::Instant::now();
        assert_eq!(waiter.await.unwrap().unwrap().expose(), "one");
        assert!(started.elapsed() < Duration::from_secs(9));
    });
}

#[test]
fn abandoned_early_refresh_is_followed_by_another() {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = stuck_at_second(&asked);
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    let idle = runtime();
    idle.block_on(tokens.token()).unwrap();
    clock.advance(Duration::from_secs(260));
    idle.block_on(async {
        tokens.token().await.unwrap();
        tokio::task::yield_now().await;
    });
    assert_eq!(asked.load(Ordering::Relaxed), 2);

    clock.advance(Duration::from_millis(8_600));
    let second = runtime();
    second.block_on(async {
        assert_eq!(
            tokens.token().await.unwrap().expose(),
            "token-0",
            "still good"
        );
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tokens.token().await.unwrap().expose(), "token-2");
    });
}

/// The store has the same token, which must not count as a newer one.
#[test]
fn unauthorized_token_is_not_reloaded_after_aborted_fetch() {
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = stuck_at_second(&asked);
    let clock = ManualClock::new();
    let tokens = TokenCache::builder(endpoint)
        .clock(clock.clone())
        .store(MemoryStore::new())
        .build();
    let unauthorized =
        tower::service_fn(|_: Request<String>| async { Ok::<_, Infallible>(invalid_token()) });
    let mut api = EnkashAuthLayer::new(tokens.clone()).layer(unauthorized);
    let (dying, second) = (runtime(), runtime());
    second.block_on(tokens.token()).unwrap();
    clock.advance(YOUNG);
    dying.block_on(async {
        assert_eq!(call(&mut api).await.unwrap(), 401);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    drop(dying);
    let token = second.block_on(tokens.token()).unwrap();
    assert_eq!(token.expose(), "token-2");
}

#[test]
fn abandoned_fetch_driven_late_sends_nothing() {
    let clock = ManualClock::new();
    let endpoint = endpoint(|_| async { grant("one", 300) });
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    let idle = runtime();
    {
        let _entered = idle.enter();
        assert!(tokens.token().now_or_never().is_none());
    }
    clock.advance(Duration::from_millis(8_600));
    runtime().block_on(tokens.token()).unwrap();
    assert_eq!(tokens.status().token_requests(), 1);
    idle.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(tokens.status().token_requests(), 1);
}

#[test]
fn next_fetch_finds_stored_token_of_abandoned_fetch() {
    let clock = ManualClock::new();
    let (respond, waiting) = oneshot::channel::<()>();
    let waiting = Arc::new(Mutex::new(Some(waiting)));
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = {
        let asked = Arc::clone(&asked);
        endpoint(move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            let waiting = waiting.lock().unwrap().take();
            async move {
                if let Some(waiting) = waiting {
                    waiting.await.unwrap();
                }
                grant(if nth == 0 { "one" } else { "two" }, 300)
            }
        })
    };
    let tokens = TokenCache::builder(endpoint)
        .clock(clock.clone())
        .store(MemoryStore::new())
        .build();
    let (first, second) = (runtime(), runtime());
    let ask = || async { assert!(tokens.token().now_or_never().is_none()) };
    first.block_on(ask());
    first.block_on(tokio::task::yield_now());
    first.block_on(tokio::task::yield_now());
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    // It was not driven for too long. The next fetch is spawned, and before it has done anything the
    // first is driven to its end.
    clock.advance(Duration::from_secs(9));
    second.block_on(ask());
    respond.send(()).unwrap();
    for _ in 0..10 {
        first.block_on(tokio::task::yield_now());
    }
    assert!(tokens.peek().is_none(), "its result is discarded");
    let token = second.block_on(tokens.token()).unwrap();
    assert_eq!((token.expose(), asked.load(Ordering::Relaxed)), ("one", 1));
}
