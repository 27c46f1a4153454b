//! Runtimes that die, or that nobody drives, under a fetch.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{ErrorKind, ManualClock};
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use futures_util::FutureExt;
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};

use crate::support::{credentials, environment, grant, user};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A cache whose first token request never ends, and whose service counts how often it was made.
fn stuck_at_first(clock: &ManualClock) -> (TokenCache, Arc<AtomicU32>) {
    let made = Arc::new(AtomicU32::new(0));
    let asked = Arc::new(AtomicU32::new(0));
    let make = {
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            let asked = Arc::clone(&asked);
            tower::service_fn(move |_: http::Request<Full<_>>| {
                let nth = asked.fetch_add(1, Ordering::Relaxed);
                async move {
                    if nth == 0 {
                        pending::<()>().await;
                    }
                    Ok::<_, Infallible>(grant("one", 300))
                }
            })
        }
    };
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_service_factory(environment(), credentials, make).unwrap();
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    (tokens, made)
}

#[test]
fn a_runtime_dropped_during_a_fetch_leaves_a_cache_that_works_from_another() {
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
fn a_waiter_on_another_runtime_goes_on_when_the_first_dies() {
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
fn a_runtime_that_nobody_drives_is_given_up_at_the_flights_deadline() {
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
        assert_eq!(tokens.status().fetches(), 1, "the fetch may still land");
        clock.advance(Duration::from_millis(8_600));
        assert_eq!(tokens.token().await.unwrap().expose(), "one");
    });
    assert_eq!(tokens.status().fetches(), 2);
    assert_eq!(
        made.load(Ordering::Relaxed),
        2,
        "on a connection of its own"
    );

    // The first flight lands after all: its number is not that of any flight that is on.
    drop(idle);
    assert_eq!(second.block_on(tokens.token()).unwrap().generation(), 1);
    assert_eq!(tokens.status().fetches(), 2);
}

#[test]
fn a_waiter_gives_an_undriven_fetch_up_by_itself() {
    let idle = runtime();
    let second = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    second.block_on(async {
        let clock = ManualClock::new();
        let endpoint = crate::support::endpoint(|_| async { grant("one", 300) });
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
fn an_abandoned_early_renewal_is_followed_by_another() {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = crate::support::endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if nth == 1 {
                    pending::<()>().await;
                }
                grant(&format!("token-{nth}"), 300)
            }
        }
    });
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

#[test]
fn outside_any_runtime_there_is_a_typed_error_and_a_fresh_token_is_served() {
    let endpoint = crate::support::endpoint(|_| async { grant("one", 300) });
    let tokens = TokenCache::builder(endpoint)
        .clock(ManualClock::new())
        .build();
    let error = tokens.token().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
    assert_eq!(tokens.status().fetches(), 0);

    runtime().block_on(tokens.token()).unwrap();
    assert_eq!(
        tokens.token().now_or_never().unwrap().unwrap().expose(),
        "one"
    );
}

#[test]
fn a_runtime_that_is_shutting_down_is_no_loop() {
    let endpoint = crate::support::endpoint(|_| async { grant("one", 300) });
    let tokens = TokenCache::builder(endpoint)
        .clock(ManualClock::new())
        .build();
    let dying = runtime();
    let handle = dying.handle().clone();
    drop(dying);
    let _entered = handle.enter();
    // Whatever is spawned here is dropped at once.
    let error = tokens.token().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    drop(_entered);
    assert_eq!(runtime().block_on(tokens.token()).unwrap().expose(), "one");
}

#[test]
fn a_connection_is_not_used_on_another_runtime_than_its_own() {
    let made = Arc::new(AtomicU32::new(0));
    let make = {
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            tower::service_fn(|_: http::Request<Full<_>>| async {
                Ok::<_, Infallible>(grant("one", 60))
            })
        }
    };
    let clock = ManualClock::new();
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_service_factory(environment(), credentials, make).unwrap();
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    let (first, second) = (runtime(), runtime());
    for (runtime, expected) in [
        (&first, 1),
        (&first, 1),
        (&second, 2),
        (&second, 2),
        (&first, 3),
    ] {
        runtime.block_on(tokens.token()).unwrap();
        assert_eq!(made.load(Ordering::Relaxed), expected);
        clock.advance(Duration::from_secs(60));
    }
}
