//! A server that answers late, or never again over a connection that looks well.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy, SystemClock,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_redis::{
    RedisStore,
    tower::{Begin, BoxError, TokenCache, TokenEndpoint, TokenStore},
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use tower::service_fn;

use crate::{
    fleet::{Fleet, credentials, environment},
    wire::{Holds, Wire},
};

async fn wired() -> Option<(Fleet, Wire, Arc<RedisStore>)> {
    let fleet = Fleet::new(Duration::from_secs(300), Duration::ZERO).await?;
    let wire = Wire::new(fleet.server.port()).await;
    let store = Arc::new(RedisStore::new(&wire.url()).unwrap());
    Some((fleet, wire, store))
}

async fn begin(fleet: &Fleet, cache: u64) -> Begin {
    let (store, endpoint) = (fleet.server.store(), fleet.endpoint("password"));
    let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
    let begin = store.begin(endpoint.principal(), bid, None, SystemClock.now());
    begin.await.unwrap()
}

async fn give_back(fleet: &Fleet, begin: Begin) {
    let Begin::Granted(leave) = begin else {
        panic!("{begin:?}");
    };
    let (store, endpoint, now) = (
        fleet.server.store(),
        fleet.endpoint("password"),
        SystemClock.now(),
    );
    let finish = store.finish(
        endpoint.principal(),
        &leave,
        Settlement::Harmless,
        None,
        now,
    );
    finish.await.unwrap();
}

async fn possible(fleet: &Fleet) -> usize {
    let (store, endpoint) = (fleet.server.store(), fleet.endpoint("password"));
    let load = store.load(endpoint.principal(), SystemClock.now());
    load.await.unwrap().strikes.possible
}

async fn soon(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < Duration::from_secs(2), "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_that_comes_late_is_given_back() {
    let Some((fleet, wire, store)) = wired().await else {
        return;
    };
    // So the server knows the scripts.
    give_back(&fleet, begin(&fleet, 1).await).await;
    let tokens = TokenCache::builder(fleet.endpoint("password"))
        .store(store)
        .build();
    wire.hold(Holds::Writes);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(possible(&fleet).await, 1);
    assert!(matches!(begin(&fleet, 2).await, Begin::Busy));
    wire.hold(Holds::None);
    soon("the strike is gone", async || possible(&fleet).await == 0).await;
    give_back(&fleet, begin(&fleet, 2).await).await;
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_without_a_word_costs_no_call_and_is_closed() {
    let Some((fleet, wire, store)) = wired().await else {
        return;
    };
    let endpoint = fleet.endpoint("password");
    for count in 1..=3 {
        let load = store.load(endpoint.principal(), SystemClock.now());
        load.await.unwrap();
        soon("one is open", async || wire.open() == 1).await;
        wire.die(count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hears_too_late_what_stands_there_writes_nothing() {
    let Some((fleet, wire, store)) = wired().await else {
        return;
    };
    give_back(&fleet, begin(&fleet, 1).await).await;
    wire.hold(Holds::All);
    let endpoint = fleet.endpoint("password");
    let beginning = tokio::spawn(async move {
        let bid = Bid::new(Holder::new(2, 1), &RefreshPolicy::default());
        let begin = store.begin(endpoint.principal(), bid, None, SystemClock.now());
        begin.await.map(drop).unwrap_err().to_string()
    });
    sleep(Duration::from_millis(600)).await;
    wire.hold(Holds::None);
    assert_eq!(beginning.await.unwrap(), "redis did not answer in time");
    assert_eq!(possible(&fleet).await, 0);
}

/// A server that grants a token for 2 s, and from then on refuses the password. It does so after `then`.
fn granting_once(user: &str, then: impl Fn() + Clone + Send + Sync + 'static) -> TokenEndpoint {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        let (status, body) = if asked.swap(true, Ordering::Relaxed) {
            then();
            (400, r#"{"error":"invalid_grant"}"#)
        } else {
            (200, r#"{"access_token":"one","expires_in":2}"#)
        };
        let answer = Response::builder().status(status).body(body.to_owned());
        ready(answer.map_err(BoxError::from))
    });
    TokenEndpoint::with_service(environment(), credentials(user, "password"), service).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_the_server_missed_is_told_when_the_cache_is_dropped() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    let server = Arc::new(fleet.server);
    let stopped = Arc::clone(&server);
    let endpoint = granting_once(&fleet.user, move || stopped.signal("-STOP"));
    let tokens = TokenCache::builder(endpoint.clone())
        .store(server.store())
        .build();
    tokens.token().await.unwrap();
    // It is renewed, and refused, before the token is over: nobody is told until then.
    soon("it is refused", async || tokens.token().await.is_err()).await;
    server.signal("-CONT");
    drop(tokens);
    let next = TokenCache::builder(endpoint).store(server.store()).build();
    let error = next.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(next.status().token_requests(), 0);
}
