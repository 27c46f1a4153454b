//! A cache between runtimes, and outside them.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{
    EnkashAuthLayer, ErrorKind, NotCalled, NotSent, RefreshPolicy, TokenCache, TokenEndpoint,
    TokenRequestBody, TokenRetry,
};
use futures_util::FutureExt;
use tower::{Layer, Service, retry::RetryLayer};

use crate::{
    support::{Recorder, call, credentials, endpoint, environment, get, grant, status, user},
    undriven::{paused, runtime, stuck_at_first},
};

#[test]
fn fetch_outside_runtime_fails_and_cached_token_is_served() {
    let endpoint = endpoint(|_| async { grant("one", 300) });
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
fn runtime_shutting_down_does_not_loop() {
    let endpoint = endpoint(|_| async { grant("one", 300) });
    let clock = ManualClock::new();
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    let dying = runtime();
    let handle = dying.handle().clone();
    drop(dying);
    {
        let _entered = handle.enter();
        // Tasks spawned here are dropped at once.
        let error = tokens.token().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(tokens.status().fetches(), 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(runtime().block_on(tokens.token()).unwrap().expose(), "one");
}

#[test]
fn connection_is_not_reused_on_another_runtime() {
    let made = Arc::new(AtomicU32::new(0));
    let make = {
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            tower::service_fn(|_: http::Request<TokenRequestBody>| async {
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

#[test]
fn service_without_response_is_recreated() {
    let made = Arc::new(AtomicU32::new(0));
    let make = {
        let made = Arc::clone(&made);
        move || {
            let nth = made.fetch_add(1, Ordering::Relaxed);
            tower::service_fn(move |_: http::Request<TokenRequestBody>| async move {
                match nth {
                    0 => Err(NotSent::new("its connections are dead")),
                    1 => Ok(status(500)),
                    _ => Ok(grant("one", 60)),
                }
            })
        }
    };
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_service_factory(environment(), credentials, make).unwrap();
    let tokens = TokenCache::builder(endpoint).build();
    let runtime = paused();
    let error = runtime.block_on(tokens.token()).unwrap_err();
    assert!(error.to_string().contains("status 500"), "{error}");
    assert_eq!(made.load(Ordering::Relaxed), 2, "it has responded");
}

#[test]
fn waiting_future_may_move_to_another_runtime() {
    let endpoint = endpoint(|_| async { grant("one", 300) });
    let tokens = TokenCache::builder(endpoint)
        .clock(ManualClock::new())
        .build();
    let first = runtime();
    let mut future = Box::pin(tokens.token());
    first.block_on(async { assert!((&mut future).now_or_never().is_none()) });
    drop(first);
    assert_eq!(runtime().block_on(future).unwrap().expose(), "one");
}

#[test]
fn future_moved_off_undriven_runtime_still_times_out() {
    let mut policy = RefreshPolicy::default();
    policy.wait_timeout = Duration::from_secs(3);
    let tokens = TokenCache::builder(endpoint(|_| pending()))
        .policy(policy)
        .unwrap()
        .clock(ManualClock::new())
        .build();
    let idle = runtime();
    let mut future = Box::pin(tokens.token());
    idle.block_on(async { assert!((&mut future).now_or_never().is_none()) });
    let second = paused();
    let error = second.block_on(future).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
}

#[test]
fn runtime_dropped_by_unrelated_panic_causes_no_backoff() {
    let (tokens, _) = stuck_at_first(&ManualClock::new());
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime().block_on(async {
            assert!(tokens.token().now_or_never().is_none());
            tokio::task::yield_now().await;
            panic!("unrelated");
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(runtime().block_on(tokens.token()).unwrap().expose(), "one");
}

#[test]
fn runtime_per_request_causes_no_refresh_storm() {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if nth > 0 {
                    pending::<()>().await;
                }
                grant("one", 300)
            }
        }
    });
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    runtime().block_on(tokens.token()).unwrap();
    clock.advance(Duration::from_secs(260));
    for _ in 0..50 {
        runtime().block_on(async {
            tokens.token().await.unwrap();
            tokio::task::yield_now().await;
        });
        clock.advance(Duration::from_millis(5));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn call_created_outside_runtime_is_sent_inside_one() {
    let endpoint = endpoint(|_| async { grant("one", 300) });
    let tokens = TokenCache::builder(endpoint)
        .clock(ManualClock::new())
        .build();
    let inner = Recorder::default();
    let mut client = EnkashAuthLayer::new(tokens).layer(inner.clone());
    let call = client.call(get("http://localhost/"));
    runtime().block_on(call).unwrap();
    assert_eq!(inner.calls(), 1);
}

#[test]
fn retry_outside_runtime_returns_the_error() {
    let tokens = TokenCache::builder(endpoint(|_| async { status(503) }))
        .clock(ManualClock::new())
        .build();
    let mut client = RetryLayer::new(TokenRetry::new())
        .layer(EnkashAuthLayer::new(tokens.clone()).layer(Recorder::default()));
    paused().block_on(tokens.token()).unwrap_err();
    let error = call(&mut client).now_or_never().unwrap().unwrap_err();
    let error = NotCalled::of(&*error).unwrap().error();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn refresh_aborted_after_deadline_fails_no_call() {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = TokenCache::builder(endpoint({
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
    }))
    .clock(clock.clone())
    .build();
    runtime().block_on(tokens.token()).unwrap();
    clock.advance(Duration::from_secs(290));
    let first = runtime();
    first.block_on(async {
        tokens.token().await.unwrap();
        tokio::task::yield_now().await;
    });
    clock.advance(Duration::from_secs(5));
    // The first abort of all, in the fetch for a token that has expired by now.
    drop(first);
    let got = runtime().block_on(tokens.token());
    assert!(got.is_ok(), "{got:?}");
}
