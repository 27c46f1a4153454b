//! A store that is down: who goes on, who waits, and what the store learns later.

use std::{sync::Arc, time::Duration};

use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy,
    strikes::{Bid, Holder},
};
use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{Begin, EnkashAuthLayer, OnStoreDown, TokenCache, TokenStore};
use tokio::time::{Instant, sleep};
use tower::Layer;

use super::{
    Fleet,
    flaky::{Flaky, Mood},
};
use crate::{
    log::Log,
    support::{Kit, call, rules},
};

fn fleet(kit: Kit) -> Fleet<Flaky> {
    Fleet::new(kit, Flaky::default())
}

fn attempting(fleet: &Fleet<Flaky>, password: &str) -> TokenCache {
    TokenCache::builder(fleet.kit.endpoint(password))
        .clock(fleet.clock)
        .store(Arc::new(Flaky::clone(&fleet.store)))
        .on_store_down(OnStoreDown::Attempt)
        .build()
}

#[tokio::test(start_paused = true)]
async fn credentials_of_which_nobody_knows_are_not_sent() {
    for mood in [Mood::Refusing, Mood::Hanging, Mood::ReadOnly] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        fleet.store.set(mood);
        let tokens = fleet.start("password");
        let start = Instant::now();
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert!(error.is_transient() && error.retry_after().is_some());
        assert!(start.elapsed() <= Duration::from_millis(501), "{mood:?}");
        assert_eq!(fleet.requests(), 0);
        // When it is back, so is the cache.
        fleet.store.set(Mood::Well);
        sleep(Duration::from_secs(1)).await;
        tokens.token().await.unwrap();
        assert_eq!(fleet.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_have_succeeded_go_on() {
    for mood in [Mood::Refusing, Mood::Hanging, Mood::ReadOnly] {
        let fleet = fleet(Kit::new(rules(60, 10)));
        let tokens = fleet.start("password");
        let service = SandboxService::new(fleet.kit.issuer.clone());
        let mut api = EnkashAuthLayer::new(tokens).layer(service);
        assert_eq!(call(&mut api).await.unwrap(), 200);
        fleet.store.set(mood);
        for _ in 0..120 {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(call(&mut api).await.unwrap(), 200, "{mood:?}");
        }
        assert!(fleet.requests() <= 4, "{mood:?}: {}", fleet.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_from_the_store_proves_its_credentials() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    fleet.start("password").token().await.unwrap();
    let other = fleet.start("password");
    other.token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(60)).await;
    other.token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_can_be_read_where_nothing_can_be_written() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::ReadOnly);
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_the_store_missed_is_told_before_anything_else() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let first = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Refusing);
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // Down or not, it is not sent again.
    for _ in 0..3 {
        sleep(Duration::from_secs(6)).await;
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    fleet.store.set(Mood::Well);
    sleep(Duration::from_secs(6)).await;
    tokens.token().await.unwrap_err();
    assert_eq!(
        (
            tokens.status().strikes(),
            tokens.status().possible_strikes()
        ),
        (1, 0)
    );
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_the_store_is_told_to_it_later() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Refusing);
    let tokens = attempting(&fleet, "wrong");
    for _ in 0..3 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        sleep(Duration::from_secs(6)).await;
    }
    // One of the same process that is built anew finds the record of the process.
    let again = attempting(&fleet, "wrong").token().await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Rejected);
    fleet.store.set(Mood::Well);
    tokens.token().await.unwrap_err();
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
    // An operator lifts it, for this process too.
    tokens.reset().await.unwrap();
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::Refusing);
    attempting(&fleet, "password").token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_process_knows_outlives_an_attempt_that_proves_nothing() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    attempting(&fleet, "wrong").token().await.unwrap_err();
    // An operator of another host lifts it. This process was not told.
    let (account, now) = (fleet.kit.endpoint("any").account(), fleet.clock.now());
    fleet.store.reset(account, now).await.unwrap();
    fleet.kit.issuer.set_outage(true);
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    fleet.kit.issuer.set_outage(false);
    fleet.store.set(Mood::Refusing);
    let requests = fleet.requests();
    let error = attempting(&fleet, "wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), requests);
}

/// Leave that was given so many `times`, each time to somebody who never said how it went.
async fn unresolved(fleet: &Fleet<Flaky>, times: u64) {
    let endpoint = fleet.kit.endpoint("password");
    for flight in 0..times {
        let bid = Bid::new(Holder::new(1, flight), &RefreshPolicy::default());
        let now = fleet.clock.now();
        let begun = fleet.store.begin(endpoint.principal(), bid, None, now);
        let begun = begun.await.unwrap();
        assert!(matches!(&begun, Begin::Granted(_)), "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_strikes_is_not_added_to_without_the_store() {
    for (strikes, expected) in [(1, None), (2, Some(ErrorKind::StoreUnavailable))] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        unresolved(&fleet, strikes).await;
        fleet.store.set(Mood::ReadOnly);
        let came = attempting(&fleet, "password").token().await;
        assert_eq!(came.err().map(|error| error.kind()), expected);
        assert_eq!(fleet.requests(), u64::from(expected.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_has_denied_is_denied_without_it() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    unresolved(&fleet, 2).await;
    let tokens = attempting(&fleet, "password");
    for mood in [Mood::Well, Mood::Refusing] {
        fleet.store.set(mood);
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unresolved, "{mood:?}");
        sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn leave_that_comes_after_the_end_of_the_fetch_is_not_used() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Slow);
    let mut policy = RefreshPolicy::default();
    // Leave comes after 600 ms, just when nobody has given the fetch up yet but itself.
    policy.fetch_timeout = Duration::from_millis(590);
    let tokens = TokenCache::builder(fleet.kit.endpoint("password"))
        .clock(fleet.clock)
        .store(Arc::new(Flaky::clone(&fleet.store)))
        .policy(policy)
        .build();
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(450)).await;
    fleet.store.set(Mood::Well);
    waiting.await.unwrap().unwrap_err();
    assert_eq!((fleet.store.begins(), fleet.requests()), (1, 0));
    assert_eq!(fleet.store.unsettled(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_log_says_once_per_attempt_that_there_is_no_store() {
    let fleet = fleet(Kit::new(rules(300, 2_000)));
    fleet.store.set(Mood::Refusing);
    // The second waits for the first, whose attempt this process has on record.
    let caches = [(); 2].map(|()| attempting(&fleet, "password"));
    let log = Log::start();
    let (one, other) = tokio::join!(caches[0].token(), caches[1].token());
    one.and(other).unwrap();
    let said = log.text().matches("going on without it").count();
    assert_eq!((said, fleet.requests()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_store_missed_is_kept_later() {
    let fleet = fleet(Kit::new(rules(40, 1_000)));
    let tokens = fleet.start("password");
    let first = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Hanging);
    first.await.unwrap().unwrap();
    fleet.store.set(Mood::Well);
    sleep(Duration::from_secs(41)).await;
    tokens.token().await.unwrap();
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_needs_the_store() {
    let fleet = fleet(Kit::new(rules(40, 10)));
    let tokens = fleet.start("password");
    fleet.store.set(Mood::Hanging);
    let error = tokens.reset().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_the_store_missed_forgives_nothing() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let tokens = attempting(&fleet, "wrong");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    for mood in [Mood::Refusing, Mood::Hanging] {
        fleet.store.set(mood);
        let error = tokens.reset().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        // More than the pause of a quarantine.
        sleep(Duration::from_secs(6)).await;
        tokens.token().await.unwrap_err();
        assert_eq!(fleet.requests(), 1);
    }
}

#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn each_fetch_that_cannot_use_the_store_is_counted() {
    let (_guard, snapshotter) = crate::metrics::recorder();
    let fleet = fleet(Kit::new(rules(60, 10)));
    let account = fleet.kit.endpoint("password").account().to_string();
    let failures = || {
        let mut lines = crate::metrics::lines(&snapshotter, &account);
        lines.retain(|line| line.starts_with("store_failures_total"));
        lines
    };
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    assert_eq!(failures(), [""; 0]);
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(60)).await;
    tokens.token().await.unwrap();
    assert_eq!(failures(), ["store_failures_total account 1"]);
    fleet.store.set(Mood::ReadOnly);
    fleet.start("password").token().await.unwrap_err();
    assert_eq!(failures(), ["store_failures_total account 1"]);
}
