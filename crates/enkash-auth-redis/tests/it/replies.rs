//! Replies that are late or never arrive, on a connection that stays open.

use std::{
    future::{poll_fn, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use enkash_auth_core::Credentials;
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{
    AccountKey, BoxError, ErrorKind, Store, TokenCache, TokenEndpoint, TokenRequestBody,
    internal::Process,
};
use http::{Request, Response};
use tokio::task::yield_now;
use tower::service_fn;

use crate::{
    fleet::{Fleet, LONG, credentials, environment},
    support::soon::soon,
    wire::{Holds, Wire},
};

async fn wired() -> (Fleet, Wire, RedisStore) {
    let fleet = Fleet::new(LONG).await;
    let wire = Wire::new(fleet.server.port()).await;
    let store = RedisStore::new(&wire.url()).unwrap();
    (fleet, wire, store)
}

fn account(name: &str) -> AccountKey {
    let base = "http://localhost".parse().unwrap();
    Credentials::merchant(name, "secret").account(&base)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn attempt_with_dropped_reply_ends_at_next_write() {
    let (fleet, wire, store) = wired().await;
    let tokens = fleet.over(store, "password").build();
    wire.hold(Holds::Writes);
    soon("an attempt was written without a permit", async || {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        !fleet.server.keys().await.is_empty() && fleet.attempts().await == 1
    })
    .await;
    assert_eq!(fleet.requests(), 0);
    wire.hold(Holds::None);
    soon("it is served", async || tokens.token().await.is_ok()).await;
    assert_eq!(fleet.requests(), 1);
    assert_eq!(fleet.attempts().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn success_with_dropped_reply_is_no_strike() {
    let (fleet, wire, store) = wired().await;
    let slow = Fleet::slow(LONG, Duration::from_millis(300)).await;
    let tokens = slow.over(store, "password").build();
    let fetching = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.token().await.map(drop) }
    });
    soon("the attempt is sent", async || slow.requests() == 1).await;
    wire.hold(Holds::Writes);
    fetching.await.unwrap().unwrap();
    wire.hold(Holds::None);
    assert_eq!(slow.requests(), 1);
    fleet.start("password").token().await.unwrap();
    assert_eq!((slow.requests(), fleet.requests()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn silently_dead_connection_is_closed_without_failed_call() {
    let (_fleet, wire, store) = wired().await;
    for count in 1..=3 {
        store.load(&account("one")).await.unwrap();
        soon("one is open", async || wire.open() == 1).await;
        wire.die(count);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn late_reply_is_not_read_by_another_call() -> Result<(), BoxError> {
    let (_fleet, wire, store) = wired().await;
    let [one, other] = [account("one"), account("other")];
    store.compare_and_set(&one, None, b"of one").await?;
    store.compare_and_set(&other, None, b"of other").await?;
    for round in 0..3 {
        wire.hold(Holds::All);
        store.load(&one).await.unwrap_err();
        store
            .compare_and_set(&one, Some(b"-"), b"-")
            .await
            .unwrap_err();
        wire.hold(Holds::None);
        let found = store.load(&other).await?;
        assert_eq!(found.record(), Some(&b"of other"[..]), "{round}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn call_dropped_at_any_await_leaves_no_stale_reply() -> Result<(), BoxError> {
    let (_fleet, wire, store) = wired().await;
    let [one, other] = [account("one"), account("other")];
    store.compare_and_set(&one, None, b"of one").await?;
    store.compare_and_set(&other, None, b"of other").await?;
    for polls in 0..8 {
        wire.hold(Holds::All);
        let mut write = store.compare_and_set(&one, Some(b"-"), b"-");
        let mut read = store.load(&one);
        for _ in 0..polls {
            poll_fn(|cx| {
                assert!(read.as_mut().poll(cx).is_pending());
                assert!(write.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            yield_now().await;
        }
        drop((read, write));
        wire.hold(Holds::None);
        let found = store.load(&other).await?;
        assert_eq!(found.record(), Some(&b"of other"[..]), "{polls}");
        assert_eq!(wire.opened(), 1, "{polls}");
    }
    Ok(())
}

/// Grants a token for 2 s, then rejects the password after the delay `then`.
fn granting_once(then: impl Fn() + Clone + Send + Sync + 'static) -> TokenEndpoint {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn(move |_: Request<TokenRequestBody>| {
        let (status, body) = if asked.swap(true, Ordering::Relaxed) {
            then();
            (400, r#"{"error":"invalid_grant"}"#)
        } else {
            (200, r#"{"access_token":"one","expires_in":2}"#)
        };
        let response = Response::builder().status(status).body(body.to_owned());
        ready(response.map_err(BoxError::from))
    });
    TokenEndpoint::with_service(environment(), credentials("password"), service).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn rejection_missed_by_redis_is_stored_later() {
    let fleet = Fleet::new(LONG).await;
    let server = Arc::new(fleet.server);
    let stopped = Arc::clone(&server);
    let endpoint = granting_once(move || stopped.signal("-STOP"));
    let start = |process: &Process| {
        let builder = TokenCache::builder(endpoint.clone()).store(server.store());
        builder.process(process.clone()).build()
    };
    let process = Process::new();
    let tokens = start(&process);
    tokens.token().await.unwrap();
    soon("it is rejected", async || tokens.token().await.is_err()).await;
    server.signal("-CONT");
    drop(tokens);
    // Another cache of the process has seen the rejection.
    let next = start(&process);
    let error = next.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let fresh = start(&Process::new());
    let error = fresh.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(next.status().token_requests(), 0);
    assert_eq!(fresh.status().token_requests(), 0);
}
