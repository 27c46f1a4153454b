//! A server that answers late, or never again over a connection that looks well.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy, SystemClock,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_redis::{
    RedisStore,
    tower::{Begin, TokenCache, TokenStore},
};
use tokio::time::{Instant, sleep};

use crate::{fleet::Fleet, wire::Wire};

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
    wire.hold_writes(true);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(possible(&fleet).await, 1);
    assert!(matches!(begin(&fleet, 2).await, Begin::Busy));
    wire.hold_writes(false);
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
