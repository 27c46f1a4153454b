//! Races with stores that are slow, or that change their replies.

use std::time::Duration;

use enkash_auth_tower::{ErrorKind, OnStoreDown, internal::Process};
use futures_util::FutureExt;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::{Instant, sleep},
};

use super::{
    Fleet, LOOK, Server,
    flaky::{Flaky, Mood},
    strikes,
};
use crate::support::{Kit, credentials, rules};

fn fleet(kit: Kit) -> Fleet<Flaky> {
    Fleet::new(kit, Flaky::default())
}

#[tokio::test(start_paused = true)]
async fn changed_credentials_end_fetch_with_old_ones() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::Slow);
    let tokens = fleet.start("password");
    let waiting = tokio::spawn(tokens.token());
    // The lookup of the stored token is for credentials that have been replaced by then.
    sleep(Duration::from_millis(100)).await;
    let other = credentials(&fleet.kit.user, "password").company_id("CEK2");
    tokens.set_credentials(other).unwrap();
    waiting.await.unwrap().unwrap();
    let writes = fleet.store.writes();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fleet.store.writes(), writes);
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn permit_for_old_credentials_is_released_unused() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Slow);
    let tokens = fleet.start("wrong");
    assert!(tokens.token().now_or_never().is_none());
    // It has loaded the record, and is writing its attempt.
    sleep(Duration::from_millis(450)).await;
    assert_eq!(fleet.store.writes(), 1);
    let right = credentials(&fleet.kit.user, "password");
    tokens.set_credentials(right).unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(fleet.requests(), 0);
    assert!(fleet.record().await.facts().attempts().is_empty());
    tokens.token().await.unwrap();
    let counters = fleet.kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.rejections), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn same_credentials_set_again_are_not_sent_again() {
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
async fn unconfirmed_outcome_write_counts_once() {
    // With an attempt that the store holds, and with one that was made without it.
    for began in [Mood::Well, Mood::Failing] {
        for unconfirmed in [Mood::Mute, Mood::Late, Mood::Unsynced] {
            let fleet = fleet(Kit::new(rules(300, 1_000)));
            fleet.store.set(began);
            let tokens = fleet.when_down("wrong", OnStoreDown::Attempt);
            let first = tokio::spawn(tokens.token());
            sleep(Duration::from_millis(500)).await;
            fleet.store.set(unconfirmed);
            first.await.unwrap().unwrap_err();
            for mood in [unconfirmed, Mood::Well] {
                fleet.store.set(mood);
                sleep(LOOK).await;
                let error = tokens.token().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected);
            }
            assert_eq!(strikes(&tokens), (1, 0), "{began:?} {unconfirmed:?}");
            assert_eq!(fleet.requests(), 1);
            fleet.start("password").token().await.unwrap();
        }
    }
}

/// Invariant 9: the process is alive to report them, and does so without calls.
#[tokio::test(start_paused = true)]
async fn unconfirmed_permits_count_nothing() {
    for lost in [Mood::Late, Mood::Mute, Mood::Unsynced] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        let mut processes = Vec::new();
        for _ in 0..3 {
            fleet.store.set(lost);
            let tokens = fleet.start("password");
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{lost:?}");
            fleet.store.set(Mood::Well);
            processes.push(tokens);
            sleep(LOOK).await;
        }
        assert_eq!(fleet.requests(), 0);
        assert!(fleet.record().await.facts().attempts().is_empty());
        fleet.start("password").token().await.unwrap();
    }
}

/// As with a directory that cannot be synced, or lost replies of Redis.
#[tokio::test(start_paused = true)]
async fn two_lost_replies_are_cleared_after_the_fault() {
    for lost in [Mood::Late, Mood::Mute, Mood::Unsynced] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        let tokens = fleet.start("password");
        fleet.store.set(lost);
        for _ in 0..2 {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{lost:?}");
            sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(fleet.requests(), 0);
        fleet.store.set(Mood::Well);
        tokens.token().await.unwrap();
        assert_eq!((fleet.requests(), strikes(&tokens)), (1, (0, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn outcome_reaches_the_store_after_any_fault() {
    let fleet = fleet(Kit::new(rules(40, 1_000)));
    let tokens = fleet.start("password");
    for mood in [Mood::Well, Mood::Failing, Mood::Late, Mood::Mute] {
        fleet.store.set(Mood::Well);
        let fetch = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.set(mood);
        fetch.await.unwrap().unwrap();
        fleet.store.set(Mood::Well);
        sleep(Duration::from_secs(41)).await;
        assert!(fleet.record().await.facts().attempts().is_empty());
    }
    tokens.token().await.unwrap();
    assert_eq!(fleet.requests(), 5);
}

#[test]
fn rejection_outlives_the_runtime_that_reports_it() {
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
    assert_eq!(strikes(&tokens), (1, 0));
}

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn process_waiting_for_rejection_shows_the_strike() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let (one, two) = (fleet.start("wrong"), fleet.start("wrong"));
    let (first, second) = tokio::join!(one.token(), two.token());
    for error in [first, second] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Rejected);
    }
    for tokens in [one, two] {
        assert_eq!(strikes(&tokens), (1, 0));
    }
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn store_without_confirmations_leaks_no_tasks() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Mute);
    let tokens = fleet.start("password");
    for _ in 0..50 {
        tokens.token().await.unwrap_err();
        sleep(Duration::from_secs(60)).await;
    }
    assert!(Handle::current().metrics().num_alive_tasks() <= 2);
    fleet.store.set(Mood::Well);
    sleep(LOOK).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

/// A store with constant write conflicts is not down.
#[tokio::test(start_paused = true)]
async fn contended_record_is_waited_for_before_sending() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    fleet.store.set(Mood::Crowded);
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(fleet.requests(), 1);
    fleet.store.set(Mood::Well);
    waiting.await.unwrap().unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn contended_record_fails_the_fetch_in_time() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    fleet.store.set(Mood::Crowded);
    let (tokens, start) = (fleet.start("password"), Instant::now());
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert_eq!(fleet.requests(), 0);
}

/// The write of an attempt arrives after its process has continued without the store.
#[tokio::test(start_paused = true)]
async fn late_permit_write_ends_no_other_attempt() {
    let (fleet, server) = (fleet(Kit::new(rules(300, 10))), Server::new());
    let tokens = fleet.builder(server.endpoint()).build();
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    server.lose(true, true);
    fleet.store.set(Mood::Tardy);
    let waiting = tokio::spawn(tokens.token());
    // The write is waited for 500 ms. By now the attempt without the store is in flight.
    sleep(Duration::from_millis(600)).await;
    fleet.store.set(Mood::Well);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.requests(), 2);
    let other = fleet.builder(server.endpoint()).build();
    let error = other.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(server.requests(), 2);
    waiting.await.unwrap().unwrap_err();
    sleep(LOOK).await;
    let record = fleet.record_of(server.endpoint().account()).await;
    assert_eq!(record.facts().attempts().len(), 1);
}

/// A store that is slow to hold liveness must not decide whether the owner is alive: it would presume it dead
/// once the future is dropped.
#[tokio::test(start_paused = true)]
async fn owner_with_late_liveness_is_not_presumed_dead() {
    let fleet = Fleet::new(Kit::new(rules(300, 3_000)), slow_life::SlowLife::default());
    let (one, two) = (fleet.start("wrong"), fleet.start("wrong"));
    let first = tokio::spawn(one.token());
    sleep(Duration::from_millis(1_200)).await;
    let second = two.token().await;
    for error in [first.await.unwrap(), second] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 1);
}

mod slow_life {
    use std::sync::{Arc, Mutex, Weak};

    use enkash_auth_core::{AccountKey, account::AttemptId};
    use enkash_auth_tower::{Liveness, Loaded, Store, StoreFuture};
    use tokio::time::sleep;

    use super::{Duration, Flaky};

    /// Holds liveness after 600 ms, even if the future was dropped: a thread that blocks on a disk.
    #[derive(Debug, Default)]
    pub(super) struct SlowLife {
        store: Flaky,
        owner: Arc<Mutex<Option<Owner>>>,
    }

    type Owner = (AttemptId, Weak<()>);

    impl Store for SlowLife {
        fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
            self.store.load(account)
        }

        fn compare_and_set<'a>(
            &'a self,
            account: &'a AccountKey,
            current: Option<&'a [u8]>,
            record: &'a [u8],
        ) -> StoreFuture<'a, bool> {
            self.store.compare_and_set(account, current, record)
        }

        fn hold<'a>(
            &'a self,
            _: &'a AccountKey,
            attempt: AttemptId,
        ) -> StoreFuture<'a, Option<Liveness>> {
            let owner = Arc::clone(&self.owner);
            let held = tokio::spawn(async move {
                sleep(Duration::from_millis(600)).await;
                let alive = Arc::new(());
                *owner.lock().unwrap() = Some((attempt, Arc::downgrade(&alive)));
                alive
            });
            Box::pin(async { Ok(Some(Box::new(held.await?) as Liveness)) })
        }

        fn is_dead<'a>(&'a self, _: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
            let owner = self.owner.lock().unwrap();
            let is_dead = matches!(
                &*owner,
                Some((of, alive)) if *of == attempt && alive.upgrade().is_none()
            );
            Box::pin(async move { Ok(is_dead) })
        }
    }
}

/// Between two attempts of one fetch its process is alive, and the others wait.
#[cfg(all(unix, feature = "file"))]
#[tokio::test(start_paused = true)]
async fn fetch_in_backoff_is_not_presumed_dead() {
    let directory = tempfile::tempdir().unwrap();
    let store = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
    let fleet = Fleet::new(Kit::new(rules(300, 10)), store);
    fleet.kit.issuer.set_outage(true);
    let fetches: Vec<_> = (0..5)
        .map(|_| tokio::spawn(fleet.start("password").token()))
        .collect();
    for fetch in fetches {
        let error = fetch.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert!(fleet.record().await.facts().attempts().is_empty());
    fleet.kit.issuer.set_outage(false);
    fleet.start("password").token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn undriven_fetch_does_not_block_other_cache_of_process() {
    let (fleet, process) = (fleet(Kit::new(rules(300, 10))), Process::new());
    let cache = || {
        let builder = fleet.builder(fleet.kit.endpoint("password"));
        builder.process(process.clone()).build()
    };
    let idle = Builder::new_current_thread().enable_all().build().unwrap();
    let undriven = cache();
    {
        let _entered = idle.enter();
        assert!(undriven.token().now_or_never().is_none());
    }
    cache().token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
    idle.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn attempt_whose_write_came_second_leaves_nothing_to_write() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Crowded);
    fleet.start("password").token().await.unwrap_err();
    fleet.store.set(Mood::Well);
    let writes = fleet.store.writes();
    sleep(LOOK).await;
    assert_eq!(fleet.store.writes(), writes);
}
