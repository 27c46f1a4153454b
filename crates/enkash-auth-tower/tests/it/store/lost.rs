//! Records that are lost, rolled back, or left by killed processes.

use std::time::Duration;

use enkash_auth_tower::ErrorKind;
use tokio::{
    runtime::Builder,
    time::{advance, sleep},
};

use super::{
    Fleet, LOOK, Server,
    flaky::{Flaky, Mood},
    strikes,
};
use crate::support::{Kit, TokioClock, credentials, rules};

fn fleet() -> Fleet<Flaky> {
    Fleet::new(Kit::new(rules(300, 10)), Flaky::default())
}

#[tokio::test(start_paused = true)]
async fn emptied_record_causes_no_second_strike() {
    let fleet = fleet();
    let live = [(); 3].map(|()| fleet.start("wrong"));
    for tokens in &live {
        tokens.token().await.unwrap_err();
    }
    for _ in 0..2 {
        fleet.store.put(fleet.account(), None);
        sleep(LOOK).await;
        let fresh = fleet.start("wrong");
        let error = fresh.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(strikes(&fresh), (1, 0));
    }
    assert_eq!(fleet.requests(), 1);
}

/// A process that is called at once sees the loss before its periodic reload.
#[tokio::test(start_paused = true)]
async fn emptied_record_is_restored_by_running_processes() {
    let fleet = fleet();
    let live = [(); 3].map(|()| fleet.start("wrong"));
    for tokens in &live {
        tokens.token().await.unwrap_err();
    }
    sleep(LOOK).await;
    for tokens in &live {
        fleet.store.put(fleet.account(), None);
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 1);
}

/// The process never fetched a token; it only loaded its status.
#[tokio::test(start_paused = true)]
async fn emptied_record_is_restored_by_status_only_process() {
    let fleet = fleet();
    fleet.rejected_elsewhere("wrong").await;
    let observer = fleet.start("any");
    observer.load_status().await.unwrap();
    fleet.store.put(fleet.account(), None);
    sleep(LOOK).await;
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_strikes_survive_emptied_record() {
    let fleet = fleet();
    let live = ["x", "x", "z"].map(|password| fleet.start(password));
    for tokens in &live {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    fleet.store.put(fleet.account(), None);
    sleep(LOOK).await;
    let fresh = fleet.start("w");
    let error = fresh.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!(fresh.status().token_requests(), 0);
    assert_eq!(strikes(&fresh), (2, 0));
    assert_eq!(fleet.requests(), 2);
}

/// A record that is lost while an attempt is in flight is restored with its outcome.
#[tokio::test(start_paused = true)]
async fn record_lost_during_attempt_regains_its_outcome() {
    for (password, counted) in [("wrong", 1), ("password", 0)] {
        let fleet = Fleet::new(Kit::new(rules(300, 1_000)), Flaky::default());
        let tokens = fleet.start(password);
        let fetch = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.put(fleet.account(), None);
        assert_eq!(fetch.await.unwrap().is_ok(), counted == 0);
        assert_eq!(fleet.record().await.facts().attempts().len(), counted);
        let other = fleet.start(password);
        assert_eq!(other.token().await.is_ok(), counted == 0);
        assert_eq!(fleet.requests(), 1);
    }
}

/// Rolls back to before a success that cleared a strike: to fewer writes, and to as many.
#[tokio::test(start_paused = true)]
async fn rolled_back_record_stays_cleared_by_success() {
    for is_even in [false, true] {
        let fleet = fleet();
        fleet.start("wrong").token().await.unwrap_err();
        let before = fleet.store.bytes(fleet.account());
        let writes = fleet.store.writes();
        let tokens = fleet.start("password");
        tokens.token().await.unwrap();
        let since = fleet.store.writes() - writes;
        fleet.store.put(fleet.account(), before);
        if is_even {
            for _ in 0..since {
                fleet.change(fleet.account(), |_| ()).await;
            }
        }
        let attempts = fleet.record().await.facts().attempts().len();
        assert_eq!(attempts, 1);
        sleep(LOOK).await;
        tokens.load_status().await.unwrap();
        assert_eq!(strikes(&tokens), (0, 0));
        let record = fleet.record().await;
        assert_eq!(record.facts().attempts().len(), 0);
        let right = credentials(&fleet.kit.user, "password");
        assert!(record.facts().is_known_good(&right));
        // The fingerprint of the rejected password survives both.
        let error = fleet.start("wrong").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(fleet.requests(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn record_rolled_back_before_rejection_is_repaired() {
    let fleet = fleet();
    fleet.start("password").token().await.unwrap();
    let before = fleet.store.bytes(fleet.account());
    let tokens = fleet.start("wrong");
    tokens.token().await.unwrap_err();
    fleet.store.put(fleet.account(), before);
    sleep(LOOK).await;
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 2);
}

/// Each process is killed, with its runtime, after it has sent a wrong password.
#[test]
fn two_kills_with_wrong_password_close_account_until_reset() {
    let (kit, store) = (Kit::new(rules(300, 60_000)), Flaky::default());
    store.declare_dead();
    let paused = || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let clock = enkash_auth_core::ManualClock::new();
    let start = |password| {
        enkash_auth_tower::TokenCache::builder(kit.endpoint(password))
            .clock(clock.clone())
            .policy(super::policy())
            .unwrap()
            .process(enkash_auth_tower::internal::Process::new())
            .store(store.clone())
            .build()
    };
    for _ in 0..2 {
        let killed = start("wrong");
        paused().block_on(async {
            tokio::spawn(killed.token());
            sleep(Duration::from_secs(1)).await;
        });
        // Its pending report is lost with it.
    }
    assert_eq!(kit.issuer.counters().token_requests, 2);
    for password in ["wrong", "password"] {
        let tokens = start(password);
        paused().block_on(async {
            for _ in 0..24 {
                let error = tokens.token().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::AccountClosed);
                clock.advance(Duration::from_secs(3_600));
                advance(Duration::from_secs(3_600)).await;
            }
            assert_eq!(strikes(&tokens), (0, 2));
        });
    }
    assert_eq!(kit.issuer.counters().token_requests, 2);
    kit.issuer.change_rules(|rules| rules.delay(Duration::ZERO));
    let tokens = start("password");
    paused().block_on(async {
        tokens.reset().await.unwrap();
        tokens.token().await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn interrupted_attempts_count_in_later_processes() {
    let fleet = Fleet::new(Kit::new(rules(300, 10_000)), Flaky::default());
    for unresolved in [1, 2] {
        let tokens = fleet.start("password");
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unresolved);
        assert_eq!(strikes(&tokens), (0, unresolved));
    }
    for _ in 0..2 {
        let error = fleet.start("password").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccountClosed);
        advance(Duration::from_secs(24 * 60 * 60)).await;
    }
    assert_eq!(fleet.requests(), 2);
}

/// A clock that starts anew is that of a machine whose clock was set back.
#[tokio::test(start_paused = true)]
async fn token_stored_in_the_future_is_refetched() {
    let mut fleet = fleet();
    sleep(Duration::from_secs(100)).await;
    fleet.start("password").token().await.unwrap();
    fleet.clock = TokioClock::new();
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

/// Exception 2: n processes make n attempts while the store is down and the password has changed.
#[tokio::test(start_paused = true)]
async fn rejections_without_store_add_up_on_the_record() {
    let (fleet, server) = (fleet(), Server::new());
    let live = [(); 2].map(|()| fleet.builder(server.endpoint()).build());
    for tokens in &live {
        tokens.token().await.unwrap();
    }
    server.change_password();
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(60)).await;
    for tokens in &live {
        tokens.token().await.unwrap_err();
    }
    fleet.store.set(Mood::Well);
    sleep(LOOK).await;
    for tokens in &live {
        tokens.load_status().await.unwrap();
        assert_eq!(strikes(tokens), (2, 0));
    }
    assert_eq!(server.rejections(), 2);
}
