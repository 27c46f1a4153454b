//! What a flight leaves behind: what the cache believes, what it reports, and what it drops.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use enkash_auth_core::{
    AccountId, Error, ErrorKind, Grant, ManualClock, Moment,
    strikes::{Bid, Settlement},
};
use enkash_auth_tower::{
    Begin, Edition, EnkashAuthLayer, Leave, MemoryStore, Principal, Standing, StoreFuture,
    TokenCache, TokenStore,
};
use futures_util::FutureExt;
use http::Response;
use tokio::{sync::oneshot, time::sleep};
use tower::Layer;

use crate::{
    log::Log,
    support::{TokioClock, call, credentials, endpoint, grant, status},
    undriven::runtime,
};

/// A flight is abandoned, and the next brings "two", which the API refuses. `late`: the first is answered
/// in between. What is served then, and after how many requests.
fn after_a_refusal(with_store: bool, late: bool) -> (String, u32) {
    let clock = ManualClock::new();
    let (answer, waiting) = oneshot::channel::<()>();
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
        builder = builder.store(Arc::new(MemoryStore::new()));
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
        answer.send(()).unwrap();
        for _ in 0..10 {
            first.block_on(tokio::task::yield_now());
        }
    }
    // The API refuses "two".
    let api = tower::service_fn(|_: http::Request<String>| async {
        Ok::<_, std::convert::Infallible>(status(401))
    });
    let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api);
    assert_eq!(second.block_on(call(&mut client)).unwrap(), 401);
    let token = second.block_on(tokens.token()).unwrap();
    (token.expose().to_owned(), asked.load(Ordering::Relaxed))
}

#[test]
fn a_late_answer_to_an_abandoned_flight_does_not_bring_a_refused_token_back() {
    for (with_store, late) in [(true, false), (true, true), (false, true)] {
        let served = after_a_refusal(with_store, late);
        assert_eq!(served, ("three".to_owned(), 3), "{with_store} {late}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_none_in_the_status() {
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
        Ok::<_, std::convert::Infallible>(status(401))
    });
    let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api);
    assert_eq!(call(&mut client).await.unwrap(), 401);
    sleep(Duration::from_secs(1)).await;
    assert!(tokens.peek().is_none());
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Rejected
    );
    let status = tokens.status();
    assert_eq!((status.generation(), status.remaining()), (None, None));
    assert_eq!(status.over_for(), Some(Duration::from_secs(1)));
}

#[derive(Debug)]
struct CallsBack(TokenCache);
impl std::fmt::Display for CallsBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("calls back")
    }
}
impl std::error::Error for CallsBack {}
impl Drop for CallsBack {
    fn drop(&mut self) {
        self.0.status();
    }
}

#[derive(Debug, Default)]
struct Denies {
    inner: MemoryStore,
    cache: Mutex<Option<TokenCache>>,
    done: AtomicBool,
}
impl TokenStore for Denies {
    fn load<'a>(&'a self, p: &'a Principal, now: Moment) -> StoreFuture<'a, Standing> {
        self.inner.load(p, now)
    }
    fn begin<'a>(
        &'a self,
        _: &'a Principal,
        _: Bid,
        _: Option<Edition>,
        _: Moment,
    ) -> StoreFuture<'a, Begin> {
        let begin = if self.done.swap(true, Ordering::Relaxed) {
            Begin::Busy
        } else {
            let cache = self.cache.lock().unwrap().take().unwrap();
            let error = Error::new(ErrorKind::Rejected, "").with_source(CallsBack(cache));
            Begin::Denied(error)
        };
        Box::pin(async { Ok(begin) })
    }
    fn finish<'a>(
        &'a self,
        p: &'a Principal,
        leave: &'a Leave,
        s: Settlement,
        g: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        self.inner.finish(p, leave, s, g, now)
    }
    fn reset(&self, a: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        self.inner.reset(a, now)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_store_denied_with_is_dropped_under_no_lock() {
    let store = Arc::new(Denies::default());
    let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 300) }))
        .clock(TokioClock::new())
        .store(Arc::<Denies>::clone(&store))
        .build();
    *store.cache.lock().unwrap() = Some(tokens.clone());
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Rejected
    );
    sleep(Duration::from_secs(6)).await;
    assert_eq!(
        tokens.token().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        tokens
            .set_credentials(credentials("somebody", "else"))
            .unwrap();
        done.send(()).unwrap();
    });
    assert!(
        wait.recv_timeout(Duration::from_secs(5)).is_ok(),
        "a deadlock"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_an_attempt_does_not_remember_it_as_a_possible_strike() {
    let store = Arc::new(MemoryStore::new());
    let endpoint = endpoint(|_| async {
        sleep(Duration::from_millis(300)).await;
        grant("one", 300)
    });
    let cache = || {
        TokenCache::builder(endpoint.clone())
            .clock(TokioClock::new())
            .store(Arc::<MemoryStore>::clone(&store))
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
            one.status().possible_strikes(),
            two.status().possible_strikes()
        ),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_over_when_it_comes_is_warned_of() {
    let log = Log::start();
    let tokens = TokenCache::builder(endpoint(|_| async { grant("one", 0) }))
        .clock(TokioClock::new())
        .build();
    tokens.token().await.unwrap_err();
    sleep(Duration::from_secs(1)).await;
    let text = log.text();
    assert!(text.contains("WARN"), "{text}");
}
