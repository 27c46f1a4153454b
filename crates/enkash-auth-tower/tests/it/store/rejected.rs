//! Rejected credentials are not sent again, whatever happens to the store.

use std::{sync::Arc, time::Duration};

use enkash_auth_core::account::AttemptOutcome;
use enkash_auth_tower::{ErrorKind, MemoryStore, OnStoreDown, TokenCache, internal::Process};
use tokio::time::{advance, sleep};

use super::{
    Fleet, LOOK, REJECTED, Server,
    flaky::{Flaky, Mood},
    policy, strikes,
};
use crate::support::{Kit, TokioClock, credentials, rules};

fn fleet() -> Fleet<Flaky> {
    Fleet::new(Kit::new(rules(300, 10)), Flaky::default())
}

#[tokio::test(start_paused = true)]
async fn rejected_credentials_are_not_sent_without_store() {
    let (fleet, process) = (fleet(), Process::new());
    let cache = || {
        let builder = fleet.builder(fleet.kit.endpoint("wrong"));
        let builder = builder.on_store_down(OnStoreDown::Attempt);
        builder.process(process.clone()).build()
    };
    let tokens = cache();
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Failing);
    sleep(LOOK).await;
    // Nor are they sent by another cache of the process.
    for tokens in [tokens, cache()] {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn stored_rejection_holds_without_store() {
    let fleet = fleet();
    fleet.rejected_elsewhere("wrong").await;
    let tokens = fleet.when_down("wrong", OnStoreDown::Attempt);
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Failing);
    sleep(LOOK).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn credentials_rejected_elsewhere_lose_known_good() {
    let (fleet, server) = (fleet(), Server::new());
    let tokens = fleet.builder(server.endpoint()).build();
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let account = server.endpoint().account();
    fleet
        .attempt_elsewhere(account, &server.credentials(), REJECTED)
        .await;
    for mood in [Mood::Well, Mood::Failing] {
        fleet.store.set(mood);
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        sleep(LOOK).await;
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn stored_token_does_not_make_rejected_credentials_good() {
    let (fleet, server) = (fleet(), Server::new());
    let one = fleet.builder(server.endpoint()).build();
    one.token().await.unwrap();
    server.change_password();
    // The refresh is rejected; the token stays valid for a while.
    sleep(Duration::from_secs(55)).await;
    one.token().await.unwrap();
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(strikes(&one), (1, 0));
    let two = fleet.builder(server.endpoint()).build();
    two.token().await.unwrap();
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(10)).await;
    let error = two.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(two.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn rejection_without_store_counts_on_closed_account() {
    let fleet = fleet();
    fleet.store.set(Mood::Failing);
    let tokens = fleet.when_down("wrong", OnStoreDown::Attempt);
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Well);
    // Other processes have made two attempts meanwhile, with unknown outcomes.
    let right = credentials(&fleet.kit.user, "password");
    let lost = AttemptOutcome::Unresolved { complete: true };
    for _ in 0..2 {
        fleet.attempt_elsewhere(fleet.account(), &right, lost).await;
    }
    sleep(LOOK).await;
    tokens.token().await.unwrap_err();
    assert_eq!(strikes(&tokens), (1, 2));
    advance(Duration::from_secs(24 * 60 * 60)).await;
    tokens.token().await.unwrap_err();
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn recorded_attempts_count_without_store() {
    let fleet = fleet();
    fleet.rejected_elsewhere("one").await;
    let tokens = fleet.when_down("one", OnStoreDown::Attempt);
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Failing);
    for password in ["two", "three", "password"] {
        tokens
            .set_credentials(credentials(&fleet.kit.user, password))
            .unwrap();
        tokens.token().await.unwrap_err();
    }
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn success_without_store_clears_recorded_strikes() {
    let fleet = fleet();
    fleet.rejected_elsewhere("one").await;
    let tokens = fleet.when_down("one", OnStoreDown::Attempt);
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Failing);
    for (password, company) in [("password", "A"), ("two", "B"), ("password", "C")] {
        let credentials = credentials(&fleet.kit.user, password).company_id(company);
        tokens.set_credentials(credentials).unwrap();
        let is_served = tokens.token().await.is_ok();
        assert_eq!(is_served, password == "password", "{company}");
    }
    assert_eq!(fleet.requests(), 3);
    // The success is reported to the store, and nothing else.
    fleet.store.set(Mood::Well);
    sleep(LOOK).await;
    assert!(fleet.record().await.facts().attempts().is_empty());
    let error = fleet.start("one").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

/// They may be sent once more, but not without the store.
#[tokio::test(start_paused = true)]
async fn allowed_credentials_are_not_known_good() {
    let (fleet, server) = (fleet(), Server::new());
    let tokens = fleet.builder(server.endpoint()).build();
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    tokens.token().await.unwrap_err();
    tokens.allow_rejected().await.unwrap();
    fleet.store.set(Mood::Failing);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn token_fetched_elsewhere_reopens_closed_cache() {
    let fleet = fleet();
    let right = credentials(&fleet.kit.user, "password");
    let lost = AttemptOutcome::Unresolved { complete: false };
    for _ in 0..2 {
        fleet.attempt_elsewhere(fleet.account(), &right, lost).await;
    }
    let tokens = fleet.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert!(error.to_string().contains("enkash-sidecar reset"));
    let other = fleet.start("password");
    other.reset().await.unwrap();
    other.token().await.unwrap();
    sleep(LOOK).await;
    tokens.token().await.unwrap();
    assert_eq!(tokens.status().token_requests(), 0);
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}

/// Ported from an attack on 0.1, where each success of the right password cleared the strike of the wrong one.
async fn wrong_beside_right(start: impl Fn(&Kit, &str) -> TokenCache) {
    let kit = Kit::new(rules(60, 10));
    let (wrong, right) = (start(&kit, "old password"), start(&kit, "password"));
    for _ in 0..600 {
        let error = wrong.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        right.token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    let counters = kit.issuer.counters();
    assert_eq!(counters.rejections, 1, "{counters:?}");
    assert!(counters.token_requests <= 15, "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn wrong_password_beside_right_is_sent_once_default_store() {
    wrong_beside_right(|kit, password| {
        TokenCache::builder(kit.endpoint(password))
            .clock(TokioClock::new())
            .build()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn wrong_password_beside_right_is_sent_once_given_store() {
    let store = Arc::new(MemoryStore::new());
    for is_one_process in [true, false] {
        let process = Process::new();
        let clock = TokioClock::new();
        wrong_beside_right(|kit, password| {
            let process = match is_one_process {
                true => process.clone(),
                false => Process::new(),
            };
            TokenCache::builder(kit.endpoint(password))
                .clock(clock)
                .store(Arc::clone(&store))
                .process(process)
                .build()
        })
        .await;
    }
}

/// Ported from an attack on 0.1. Returns how often the right password fails in 15 min, and the number of rejections.
async fn right_beside_two_wrong(store: Option<&Arc<MemoryStore>>) -> (u32, u64) {
    let kit = Kit::new(rules(60, 10));
    let clock = TokioClock::new();
    let start = |password: &str| {
        let builder = TokenCache::builder(kit.endpoint(password)).policy(policy());
        let builder = builder.unwrap().clock(clock);
        match store {
            Some(store) => builder.store(Arc::clone(store)).build(),
            None => builder.build(),
        }
    };
    let [right, one, two] = ["password", "older", "oldest"].map(start);
    // Each wrong password is rejected by itself, with a success between.
    for wrong in [&one, &two] {
        right.token().await.unwrap();
        wrong.token().await.unwrap_err();
        sleep(Duration::from_secs(60)).await;
    }
    let mut failed = 0;
    for _ in 0..900 {
        failed += u32::from(right.token().await.is_err());
        let _ = one.token().await;
        let _ = two.token().await;
        sleep(Duration::from_secs(1)).await;
    }
    assert!(!kit.is_locked());
    (failed, kit.issuer.counters().rejections)
}

#[tokio::test(start_paused = true)]
async fn two_wrong_passwords_do_not_starve_the_right_one() {
    let store = Arc::new(MemoryStore::new());
    assert_eq!(right_beside_two_wrong(Some(&store)).await, (0, 2));
    assert_eq!(right_beside_two_wrong(None).await, (0, 2));
}
