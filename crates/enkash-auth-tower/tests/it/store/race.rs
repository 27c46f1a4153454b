//! What happens while a store takes its time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy,
    strikes::{Bid, Holder},
};
use enkash_auth_tower::{Begin, OnStoreDown, TokenCache, TokenStore};
use futures_util::FutureExt;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::sleep,
};

use super::{
    Fleet,
    flaky::{Flaky, Mood},
};
use crate::support::{Kit, TokioClock, credentials, endpoint, grant, rules, status};

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
async fn a_fetch_with_the_old_credentials_ends_when_there_are_others() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::Slow);
    let tokens = fleet.start("password");
    let waiting = tokio::spawn(tokens.token());
    // The stored token is looked up for credentials that are used no more by then.
    sleep(Duration::from_millis(100)).await;
    let other = credentials(&fleet.kit.user, "password").company_id("CEK2");
    tokens.set_credentials(other).unwrap();
    waiting.await.unwrap().unwrap();
    let begins = fleet.store.begins();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fleet.store.begins(), begins);
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn leave_that_comes_after_other_credentials_sends_nothing_of_the_old() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Slow);
    let tokens = fleet.start("wrong");
    assert!(tokens.token().now_or_never().is_none());
    sleep(Duration::from_millis(450)).await;
    let right = credentials(&fleet.kit.user, "password");
    tokens.set_credentials(right).unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fleet.requests(), 0);
    // Nor does it leave a mark.
    let endpoint = fleet.kit.endpoint("password");
    let standing = fleet.store.load(endpoint.principal(), fleet.clock.now());
    assert_eq!(standing.await.unwrap().strikes.possible, 0);
    tokens.token().await.unwrap();
    let counters = fleet.kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_credentials_again_are_not_sent_again() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    let same = credentials(&fleet.kit.user, "wrong");
    tokens.set_credentials(same.clone()).unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    tokens.set_credentials(same).unwrap();
    tokens.token().await.unwrap_err();
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_told_and_not_confirmed_counts_once() {
    // Told of an attempt that it recorded, and of one that was made without it.
    for began in [Mood::Well, Mood::Refusing] {
        let fleet = fleet(Kit::new(rules(300, 1_000)));
        fleet.store.set(began);
        let tokens = attempting(&fleet, "wrong");
        let first = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.set(Mood::Mute);
        first.await.unwrap().unwrap_err();
        for mood in [Mood::Mute, Mood::Well] {
            fleet.store.set(mood);
            sleep(Duration::from_secs(6)).await;
            tokens.token().await.unwrap_err();
        }
        let status = tokens.status();
        assert_eq!(
            (status.strikes(), status.possible_strikes()),
            (1, 0),
            "{began:?}"
        );
        assert_eq!(fleet.requests(), 1);
        fleet.start("password").token().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn leave_that_comes_too_late_leaves_no_mark() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    for _ in 0..3 {
        fleet.store.set(Mood::Late);
        let tokens = fleet.start("password");
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        fleet.store.set(Mood::Well);
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(fleet.requests(), 0);
    fleet.start("password").token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn leave_is_settled_once_its_end_was_told_at_whatever_time() {
    let fleet = fleet(Kit::new(rules(40, 1_000)));
    let tokens = fleet.start("password");
    for mood in [Mood::Well, Mood::Refusing, Mood::Late] {
        fleet.store.set(Mood::Well);
        let fetch = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.set(mood);
        fetch.await.unwrap().unwrap();
        sleep(Duration::from_secs(41)).await;
    }
    fleet.store.set(Mood::Well);
    tokens.token().await.unwrap();
    assert_eq!(fleet.requests(), 4);
    assert_eq!(fleet.store.unsettled(), 0);
}

#[test]
fn a_refusal_is_not_lost_with_the_runtime_that_would_have_told_it() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    paused().block_on(async {
        let _waiting = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.set(Mood::Hanging);
        sleep(Duration::from_millis(700)).await;
        assert_eq!(fleet.kit.issuer.counters().rejections, 1);
        assert!(tokens.status().is_fetching());
    });
    fleet.store.set(Mood::Well);
    let error = paused().block_on(tokens.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
    assert_eq!(tokens.status().strikes(), 1);
}

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_reset_leaves_nothing_to_be_told_later() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let first = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Refusing);
    first.await.unwrap().unwrap_err();
    tokens.reset().await.unwrap_err();
    fleet.store.set(Mood::Well);
    tokens.reset().await.unwrap();
    let right = credentials(&fleet.kit.user, "another wrong one");
    tokens.set_credentials(right).unwrap();
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().strikes(), 1);
    assert_eq!(tokens.status().possible_strikes(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_on_survives_a_reset() {
    let fleet = fleet(Kit::new(rules(300, 60_000)));
    let tokens = fleet.start("password");
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_secs(1)).await;
    fleet.start("password").reset().await.unwrap();
    waiting.await.unwrap().unwrap_err();
    // It timed out after the password was sent: nobody knows.
    assert_eq!(tokens.status().possible_strikes(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_refusal_shows_it() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let (one, two) = (fleet.start("wrong"), fleet.start("wrong"));
    let (first, second) = tokio::join!(one.token(), two.token());
    first.unwrap_err();
    second.unwrap_err();
    for tokens in [one, two] {
        let status = tokens.status();
        assert_eq!((status.strikes(), status.possible_strikes()), (1, 0));
    }
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_gives_leave_is_not_waited_for_for_ever() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Mute);
    let tokens = fleet.start("password");
    for _ in 0..50 {
        tokens.token().await.unwrap_err();
        sleep(Duration::from_secs(60)).await;
    }
    assert!(Handle::current().metrics().num_alive_tasks() <= 1);
}

#[test]
fn a_reset_outside_a_runtime_says_so() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    let reset = fleet.start("password").reset().now_or_never();
    assert_eq!(reset.unwrap().unwrap_err().kind(), ErrorKind::NoRuntime);
}

#[tokio::test(start_paused = true)]
async fn leave_that_comes_late_does_not_end_the_lease_of_the_attempt_after_it() {
    let store = Flaky::default();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let endpoint = endpoint(move |_| {
        let nth = count.fetch_add(1, Ordering::Relaxed);
        async move {
            match nth {
                0 => grant("one", 20),
                // Asked without the store, which does not answer.
                1 => status(503),
                _ => {
                    sleep(Duration::from_secs(4)).await;
                    grant("two", 20)
                }
            }
        }
    });
    let principal = endpoint.principal().clone();
    let clock = TokioClock::new();
    let tokens = TokenCache::builder(endpoint)
        .clock(clock)
        .store(Arc::new(store.clone()))
        .build();
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(20)).await;
    store.set(Mood::Tardy);
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(600)).await;
    store.set(Mood::Well);
    // The second attempt is on, and the leave that was asked for before it has come.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let other = Bid::new(Holder::new(0, 1), &RefreshPolicy::default());
    let standing = store.load(&principal, clock.now()).await.unwrap();
    let known = standing.token.map(|token| token.edition());
    let begin = store.begin(&principal, other, known, clock.now());
    assert!(matches!(begin.await.unwrap(), Begin::Busy));
    assert_eq!(waiting.await.unwrap().unwrap().expose(), "two");
}
