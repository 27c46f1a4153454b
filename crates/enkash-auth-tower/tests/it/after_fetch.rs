//! The state of a cache after a fetch: what it serves, reports and drops.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{EnkashAuthLayer, ErrorKind, MemoryStore, TokenCache};
use futures_util::FutureExt;
use http::Response;
use tokio::{sync::oneshot, time::sleep};
use tower::Layer;

use crate::{
    log::Log,
    support::{TokioClock, YOUNG, call, endpoint, grant, invalid_token},
    undriven::runtime,
};

/// Abandons a fetch; the next one gets "two", which is unauthorized. With `late`, the first gets its
/// response in between. Returns the token served then, and the number of requests.
fn after_unauthorized(with_store: bool, late: bool) -> (String, u32) {
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
                let token = ["one", "two", "three"].get(nth as usize);
                grant(token.unwrap_or(&"four"), 300)
            }
        })
    };
    let mut builder = TokenCache::builder(endpoint).clock(clock.clone());
    if with_store {
        builder = builder.store(MemoryStore::new());
    }
    let tokens = builder.build();
    let (first, second) = (runtime(), runtime());
    first.block_on(async { assert!(tokens.token().now_or_never().is_none()) });
    first.block_on(tokio::task::yield_now());
    first.block_on(tokio::task::yield_now());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    clock.advance(Duration::from_secs(9));
    assert_eq!(second.block_on(tokens.token()).unwrap().expose(), "two");
    if late {
        respond.send(()).unwrap();
        for _ in 0..10 {
            first.block_on(tokio::task::yield_now());
        }
    }
    // The API rejects "two".
    let api = tower::service_fn(|_: http::Request<String>| async {
        Ok::<_, std::convert::Infallible>(invalid_token())
    });
    clock.advance(YOUNG);
    let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api);
    assert_eq!(second.block_on(call(&mut client)).unwrap(), 401);
    let token = second.block_on(tokens.token()).unwrap();
    (token.expose().to_owned(), asked.load(Ordering::Relaxed))
}

#[test]
fn late_response_does_not_restore_unauthorized_token() {
    for (with_store, late) in [(true, false), (true, true), (false, true)] {
        let served = after_unauthorized(with_store, late);
        assert_eq!(served, ("three".to_owned(), 3), "{with_store} {late}");
    }
}

#[tokio::test(start_paused = true)]
async fn unauthorized_token_is_absent_from_status() {
    let asked = Arc::new(AtomicU32::new(0));
    let endpoint = endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            if nth == 0 {
                return grant("one", 300);
            }
            Response::builder()
                .status(400)
                .body(r#"{"error":"invalid_grant"}"#.to_owned())
                .unwrap()
        }
    });
    let tokens = TokenCache::builder(endpoint)
        .clock(TokioClock::new())
        .build();
    let api = tower::service_fn(|_: http::Request<String>| async {
        Ok::<_, std::convert::Infallible>(invalid_token())
    });
    let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api);
    tokens.token().await.unwrap();
    sleep(YOUNG).await;
    assert_eq!(call(&mut client).await.unwrap(), 401);
    sleep(Duration::from_secs(1)).await;
    assert!(tokens.peek().is_none());
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Rejected
    );
    let status = tokens.status();
    assert_eq!((status.generation(), status.remaining()), (None, None));
    assert_eq!(status.expired_for(), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn waiting_cache_reports_no_unresolved_attempt() {
    let store = Arc::new(MemoryStore::new());
    let endpoint = endpoint(|_| async {
        sleep(Duration::from_millis(300)).await;
        grant("one", 300)
    });
    let cache = || {
        TokenCache::builder(endpoint.clone())
            .clock(TokioClock::new())
            .store(Arc::clone(&store))
            .build()
    };
    let (one, two) = (cache(), cache());
    let first = tokio::spawn(one.token());
    sleep(Duration::from_millis(100)).await;
    two.token().await.unwrap();
    first.await.unwrap().unwrap();
    sleep(Duration::from_secs(100)).await;
    two.token().await.unwrap();
    assert_eq!(
        (
            one.status().unresolved_attempts(),
            two.status().unresolved_attempts()
        ),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn token_expired_on_arrival_logs_a_warning() {
    let log = Log::start();
    let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 0) }))
        .clock(TokioClock::new())
        .build();
    tokens.token().await.unwrap_err();
    sleep(Duration::from_secs(1)).await;
    let text = log.text();
    assert!(text.contains("WARN"), "{text}");
}
