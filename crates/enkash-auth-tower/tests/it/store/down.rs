//! A store that is down: which processes continue, and what is reported to the store later.

use std::time::Duration;

use enkash_auth_core::account::AttemptOutcome;
use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{
    AccountKey, EnkashAuthLayer, ErrorKind, Loaded, OnStoreDown, Store, StoreFuture,
    internal::Process,
};
use tokio::time::{Instant, sleep};
use tower::Layer;

use super::{
    Fleet, LOOK, Server,
    flaky::{Flaky, Mood},
    policy, strikes,
};
use crate::{
    log::Log,
    support::{Kit, call, credentials, rules},
};

fn fleet(kit: Kit) -> Fleet<Flaky> {
    Fleet::new(kit, Flaky::default())
}

#[tokio::test(start_paused = true)]
async fn credentials_not_known_good_are_not_sent_without_store() {
    for mood in [Mood::Failing, Mood::Hanging, Mood::ReadOnly] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        fleet.store.set(mood);
        let tokens = fleet.start("password");
        let start = Instant::now();
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert!(error.is_transient() && error.retry_after().is_some());
        assert!(start.elapsed() <= Duration::from_millis(501), "{mood:?}");
        assert_eq!(fleet.requests(), 0);
        // The cache recovers with the store.
        fleet.store.set(Mood::Well);
        sleep(Duration::from_secs(1)).await;
        tokens.token().await.unwrap();
        assert_eq!(fleet.requests(), 1);
    }
}

/// A store that is waited for.
#[derive(Debug, Default)]
struct Far(Flaky);

impl Store for Far {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        self.0.load(account)
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        self.0.compare_and_set(account, current, record)
    }
}

#[tokio::test(start_paused = true)]
async fn call_of_slow_store_ends_with_the_fetch() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Far::default());
    fleet.store.0.set(Mood::Hanging);
    let start = Instant::now();
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(start.elapsed() <= Duration::from_millis(8_001));
}

#[tokio::test(start_paused = true)]
async fn stored_token_is_used_though_writes_take_too_long() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Far::default());
    let process = Process::new();
    let start = |password| {
        let builder = fleet.builder(fleet.kit.endpoint(password));
        builder.process(process.clone()).build()
    };
    start("wrong").token().await.unwrap_err();
    // What this process witnessed is to be written again.
    fleet.store.0.put(fleet.account(), None);
    fleet.start("password").token().await.unwrap();
    fleet.store.0.set(Mood::Mute);
    start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn granted_token_is_used_though_its_write_takes_too_long() {
    for mood in [Mood::Hanging, Mood::Mute] {
        let fleet = Fleet::new(Kit::new(rules(300, 1_000)), Far::default());
        let tokens = fleet.start("password");
        let fetching = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.0.set(mood);
        let start = Instant::now();
        fetching.await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_secs(8), "{mood:?}");
        fleet.store.0.set(Mood::Well);
        sleep(LOOK).await;
        assert!(fleet.record().await.facts().attempts().is_empty());
        assert_eq!(fleet.requests(), 1, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn known_good_credentials_are_still_sent_without_store() {
    for mood in [Mood::Failing, Mood::Hanging, Mood::ReadOnly] {
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
async fn success_of_another_process_makes_credentials_known_good() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    fleet.start("password").token().await.unwrap();
    let other = fleet.start("password");
    other.token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(60)).await;
    other.token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn token_is_read_from_read_only_store() {
    let fleet = fleet(Kit::new(rules(60, 10)));
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::ReadOnly);
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn rejection_during_store_outage_is_reported_after_it() {
    let fleet = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let first = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Failing);
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // It is not sent again, whether the store is down or not.
    for _ in 0..3 {
        sleep(LOOK).await;
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    fleet.store.set(Mood::Well);
    sleep(LOOK).await;
    assert_eq!(strikes(&tokens), (1, 0));
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
}

/// This holds without further calls, and without a cache left in the process.
#[tokio::test(start_paused = true)]
async fn outcome_during_store_outage_is_reported_without_calls() {
    for (password, is_dropped) in [("wrong", false), ("wrong", true), ("password", true)] {
        let fleet = fleet(Kit::new(rules(300, 1_000)));
        let tokens = fleet.start(password);
        let first = tokio::spawn(tokens.token());
        sleep(Duration::from_millis(500)).await;
        fleet.store.set(Mood::Failing);
        assert_eq!(first.await.unwrap().is_ok(), password == "password");
        let kept = (!is_dropped).then_some(tokens);
        sleep(LOOK * 3).await;
        fleet.store.set(Mood::Well);
        sleep(LOOK).await;
        let record = fleet.record().await;
        let attempts = record.facts().attempts();
        let rejected = usize::from(password == "wrong");
        let counts = (attempts.len(), record.facts().rejected_attempts());
        assert_eq!(counts, (rejected, rejected), "{password} {is_dropped}");
        let credentials = credentials(&fleet.kit.user, password);
        assert_eq!(record.facts().is_known_good(&credentials), rejected == 0);
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn attempt_without_store_is_reported_after_outage() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Failing);
    let process = Process::new();
    let attempting = |password| {
        fleet
            .builder(fleet.kit.endpoint(password))
            .on_store_down(OnStoreDown::Attempt)
            .process(process.clone())
            .build()
    };
    let tokens = attempting("wrong");
    for _ in 0..3 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        sleep(LOOK).await;
    }
    // Another cache of the process shares the witness.
    let again = attempting("wrong").token().await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Rejected);
    fleet.store.set(Mood::Well);
    tokens.token().await.unwrap_err();
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
    tokens.reset().await.unwrap();
    fleet.start("password").token().await.unwrap();
    fleet.store.set(Mood::Failing);
    attempting("password").token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn attempts_read_from_read_only_store_count() {
    for (count, expected) in [(1, None), (2, Some(ErrorKind::AccountClosed))] {
        let fleet = fleet(Kit::new(rules(300, 10)));
        let lost = AttemptOutcome::Unresolved { complete: false };
        for _ in 0..count {
            let credentials = credentials(&fleet.kit.user, "password");
            fleet
                .attempt_elsewhere(fleet.account(), &credentials, lost)
                .await;
        }
        fleet.store.set(Mood::ReadOnly);
        let tokens = fleet.when_down("password", OnStoreDown::Attempt);
        let error = tokens.token().await.err();
        assert_eq!(error.map(|error| error.kind()), expected);
        assert_eq!(fleet.requests(), u64::from(expected.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn rejection_read_from_read_only_store_holds() {
    for on_store_down in [OnStoreDown::KnownGood, OnStoreDown::Attempt] {
        let (fleet, server) = (fleet(Kit::new(rules(300, 10))), Server::new());
        let endpoint = server.endpoint();
        let builder = fleet.builder(endpoint.clone());
        let tokens = builder.on_store_down(on_store_down).build();
        tokens.token().await.unwrap();
        server.change_password();
        sleep(Duration::from_secs(60)).await;
        let (account, credentials) = (endpoint.account(), server.credentials());
        // Removes what this process witnessed, which it would write back first.
        fleet.store.put(account, None);
        fleet
            .attempt_elsewhere(account, &credentials, super::REJECTED)
            .await;
        for mood in [Mood::ReadOnly, Mood::Failing] {
            fleet.store.set(mood);
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{on_store_down:?}");
            sleep(LOOK).await;
        }
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn closed_account_stays_closed_without_store() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    for wrong in ["one", "two"] {
        fleet.rejected_elsewhere(wrong).await;
    }
    let tokens = fleet.when_down("password", OnStoreDown::Attempt);
    for mood in [Mood::Well, Mood::Failing] {
        fleet.store.set(mood);
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccountClosed, "{mood:?}");
        sleep(LOOK).await;
    }
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn permit_granted_after_fetch_timeout_is_not_used() {
    let fleet = fleet(Kit::new(rules(300, 10)));
    fleet.store.set(Mood::Slow);
    let mut policy = policy();
    // The permit is granted after 600 ms, when the fetch has timed out.
    policy.fetch_timeout = Duration::from_millis(590);
    let builder = fleet.builder(fleet.kit.endpoint("password"));
    let tokens = builder.policy(policy).unwrap().build();
    let waiting = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(450)).await;
    fleet.store.set(Mood::Well);
    waiting.await.unwrap().unwrap_err();
    assert_eq!(fleet.requests(), 0);
    sleep(Duration::from_millis(50)).await;
    assert!(fleet.record().await.facts().attempts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn attempt_without_store_logs_one_line() {
    let fleet = fleet(Kit::new(rules(300, 2_000)));
    fleet.store.set(Mood::Failing);
    // The second waits for the first, which this process witnesses.
    let process = Process::new();
    let caches = [(); 2].map(|()| {
        fleet
            .builder(fleet.kit.endpoint("password"))
            .on_store_down(OnStoreDown::Attempt)
            .process(process.clone())
            .build()
    });
    let log = Log::start();
    let (one, other) = tokio::join!(caches[0].token(), caches[1].token());
    one.and(other).unwrap();
    let logged = log.text().matches("continuing without it").count();
    assert_eq!((logged, fleet.requests()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn next_fetch_stores_token_after_store_outage() {
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

#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn fetch_without_store_is_counted_as_store_failure() {
    let (_guard, snapshotter) = crate::metrics::recorder();
    let fleet = fleet(Kit::new(rules(60, 10)));
    let account = fleet.account().to_string();
    let failures = || {
        let mut lines = crate::metrics::lines(&snapshotter, &account);
        lines.retain(|line| line.starts_with("store_failures_total"));
        lines
    };
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    assert_eq!(failures(), [""; 0]);
    sleep(Duration::from_secs(60)).await;
    fleet.store.set(Mood::Failing);
    tokens.token().await.unwrap();
    assert_eq!(failures(), ["store_failures_total account 1"]);
    fleet.store.set(Mood::ReadOnly);
    fleet.start("password").token().await.unwrap();
    assert_eq!(failures(), ["store_failures_total account 1"]);
}
