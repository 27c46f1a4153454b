//! What a process has witnessed holds for all of its caches, with and without the store.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use enkash_auth_core::{
    AccountKey,
    account::{AttemptId, Witness},
};
use enkash_auth_tower::{
    BoxError, ErrorKind, Liveness, Loaded, OnStoreDown, Store, StoreFuture, TokenCache,
    TokenEndpoint, TokenRequestBody, internal::Process,
};
use http::{Request, Response};
use tokio::{runtime::Handle, time::sleep};

use super::{
    Fleet, LOOK, Server,
    flaky::{Flaky, Mood},
    strikes,
};
use crate::support::{Kit, credentials, environment, rules};

fn fleet() -> Fleet<Flaky> {
    Fleet::new(Kit::new(rules(300, 10)), Flaky::default())
}

/// Returns a cache of `process`.
fn cache(fleet: &Fleet<Flaky>, process: &Process, password: &str) -> TokenCache {
    let builder = fleet.builder(fleet.kit.endpoint(password));
    builder.process(process.clone()).build()
}

/// Resets the account as another process.
async fn reset_elsewhere(fleet: &Fleet<Flaky>) {
    let now = enkash_auth_core::Clock::now(&fleet.clock);
    let account = fleet.account();
    fleet
        .change(account, |record| {
            let witness = Witness::default();
            let before = record.facts().clone();
            assert!(record.facts_mut().reset(&before, false, &witness, now));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn rejection_during_store_outage_holds_for_process() {
    let (fleet, server, process) = (fleet(), Server::new(), Process::new());
    let [one, two] = [(); 2].map(|()| {
        let builder = fleet.builder(server.endpoint());
        builder.process(process.clone()).build()
    });
    one.token().await.unwrap();
    two.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let refresh = tokio::spawn(one.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Failing);
    for error in [refresh.await.unwrap(), two.token().await] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn rejection_outlives_its_cache() {
    let (fleet, server, process) = (fleet(), Server::new(), Process::new());
    let start = || {
        let builder = fleet.builder(server.endpoint());
        builder.process(process.clone()).build()
    };
    let tokens = start();
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let rejected = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Failing);
    let error = rejected.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    drop(tokens);
    fleet.store.set(Mood::Well);
    let next = start();
    let error = next.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(next.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn reset_elsewhere_clears_witnessed_strikes() {
    let (fleet, process) = (fleet(), Process::new());
    for wrong in ["one", "two"] {
        let error = cache(&fleet, &process, wrong).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    reset_elsewhere(&fleet).await;
    let tokens = cache(&fleet, &process, "password");
    tokens.token().await.unwrap();
    assert_eq!(strikes(&tokens), (0, 0));
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn reset_elsewhere_reopens_closed_account() {
    let fleet = fleet();
    fleet.start("one").token().await.unwrap_err();
    fleet.start("two").token().await.unwrap_err();
    let tokens = fleet.when_down("password", OnStoreDown::Attempt);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    reset_elsewhere(&fleet).await;
    sleep(LOOK).await;
    tokens.token().await.unwrap();
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}

/// One cache cannot reach the store while another cache of the process writes its attempt there: each might
/// begin one.
#[tokio::test(start_paused = true)]
async fn caches_of_process_make_one_attempt_with_flaky_store() {
    for wait in [150, 350, 450] {
        let (fleet, server, process) = (fleet(), Server::new(), Process::new());
        let [one, two] = [(); 2].map(|()| {
            let builder = fleet.builder(server.endpoint());
            builder.process(process.clone()).build()
        });
        one.token().await.unwrap();
        two.token().await.unwrap();
        server.change_password();
        sleep(Duration::from_secs(60)).await;
        fleet.store.set(Mood::Slow);
        let first = tokio::spawn(one.token());
        sleep(Duration::from_millis(wait)).await;
        fleet.store.set(Mood::Failing);
        let second = tokio::spawn(two.token());
        sleep(Duration::from_millis(1)).await;
        fleet.store.set(Mood::Well);
        first.await.unwrap().unwrap_err();
        second.await.unwrap().unwrap_err();
        sleep(LOOK).await;
        for tokens in [one, two] {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected);
        }
        assert_eq!(server.requests(), 2, "{wait}");
    }
}

/// `KnownGood` lets a process make one attempt in each outage, once the store has that of the last one.
#[tokio::test(start_paused = true)]
async fn stored_attempt_allows_another_without_store() {
    let (fleet, server) = (fleet(), Server::new());
    let tokens = fleet.builder(server.endpoint()).build();
    tokens.token().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    server.lose(true, false);
    fleet.store.set(Mood::Failing);
    tokens.token().await.unwrap_err();
    assert_eq!(server.requests(), 2);
    fleet.store.set(Mood::Well);
    sleep(LOOK).await;
    server.lose(false, false);
    fleet.store.set(Mood::Failing);
    sleep(LOOK).await;
    tokens.token().await.unwrap();
    assert_eq!(server.requests(), 3);
}

/// A store that takes 200 ms to show that a process is alive.
#[derive(Debug, Default)]
struct SlowGuards(Flaky);

impl Store for SlowGuards {
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

    fn hold<'a>(&'a self, _: &'a AccountKey, _: AttemptId) -> StoreFuture<'a, Option<Liveness>> {
        Box::pin(async {
            sleep(Duration::from_millis(200)).await;
            Ok(None)
        })
    }
}

/// Between the load and the write of one cache, another makes an attempt without its store.
#[tokio::test(start_paused = true)]
async fn attempt_made_meanwhile_without_store_is_noticed() {
    let (server, process) = (Server::new(), Process::new());
    let fleet = Fleet::new(Kit::new(rules(300, 10)), SlowGuards::default());
    let builder = fleet.builder(server.endpoint_with("wrong"));
    let one = builder.process(process.clone()).build();
    let down = Flaky::default();
    down.set(Mood::Failing);
    let builder = fleet
        .builder(server.endpoint_with("wrong"))
        .process(process);
    let builder = builder.on_store_down(OnStoreDown::Attempt);
    let two = builder.store(down).build();
    server.change_password();
    let first = tokio::spawn(one.token());
    sleep(Duration::from_millis(100)).await;
    two.token().await.unwrap_err();
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(server.requests(), 1);
}

/// A store whose errors read the status of the cache when formatted or dropped.
#[derive(Debug, Default)]
struct CallsBack(std::sync::Mutex<Option<TokenCache>>);

struct Curious(TokenCache);

impl fmt::Debug for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "down, with {} strikes", self.0.status().strikes())
    }
}

impl std::error::Error for Curious {}

impl Drop for Curious {
    fn drop(&mut self) {
        self.0.status();
    }
}

impl CallsBack {
    fn error<T>(&self) -> Result<T, BoxError> {
        let tokens = self.0.lock().unwrap().clone().unwrap();
        Err(Box::new(Curious(tokens)))
    }
}

impl Store for CallsBack {
    fn load<'a>(&'a self, _: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(async { self.error() })
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a AccountKey,
        _: Option<&'a [u8]>,
        _: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async { self.error() })
    }
}

#[test]
fn store_error_is_formatted_and_dropped_without_lock() {
    for on_store_down in [
        OnStoreDown::KnownGood,
        OnStoreDown::Hold,
        OnStoreDown::Attempt,
    ] {
        let (done, wait) = mpsc::channel();
        std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let _log = crate::log::Log::start();
                let fleet = Fleet::new(Kit::new(rules(300, 10)), CallsBack::default());
                let tokens = fleet.when_down("password", on_store_down);
                *fleet.store.0.lock().unwrap() = Some(tokens.clone());
                let result = tokens.token().await;
                assert_eq!(result.is_ok(), on_store_down == OnStoreDown::Attempt);
                let other = credentials("another", "other");
                tokens.set_credentials(other).unwrap();
                tokens.reset().await.unwrap_err();
                // Breaks the reference cycle of store and cache.
                *fleet.store.0.lock().unwrap() = None;
            });
            done.send(()).unwrap();
        });
        let ended = wait.recv_timeout(Duration::from_secs(60));
        assert!(ended.is_ok(), "a deadlock, or a panic: {on_store_down:?}");
    }
}

/// A cache of the same process and account reports the rejection to a store of its own.
#[tokio::test(start_paused = true)]
async fn report_to_one_store_is_no_report_to_another() {
    for with_other in [false, true] {
        let (fleet, server, process) = (fleet(), Server::new(), Process::new());
        let builder = fleet.builder(server.endpoint()).process(process.clone());
        let other = builder.store(Arc::new(Flaky::default())).build();
        let builder = fleet.builder(server.endpoint()).process(process.clone());
        let tokens = builder.build();
        tokens.token().await.unwrap();
        server.change_password();
        fleet.store.set(Mood::Failing);
        sleep(Duration::from_secs(60)).await;
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        if with_other {
            other.load_status().await.unwrap();
        }
        drop(tokens);
        sleep(LOOK).await;
        fleet.store.set(Mood::Well);
        sleep(3 * LOOK).await;
        let before = server.requests();
        let next = fleet.builder(server.endpoint()).build();
        let error = next.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(
            server.requests(),
            before,
            "sent again; other cache: {with_other}"
        );
    }
}

/// `KnownGood` lets a process make one attempt that may count, also if another store has recorded it.
#[tokio::test(start_paused = true)]
async fn report_to_another_store_allows_no_second_attempt_alone() {
    for with_other in [false, true] {
        let (fleet, server, process) = (fleet(), Server::new(), Process::new());
        let builder = fleet.builder(server.endpoint()).process(process.clone());
        let other = builder.store(Arc::new(Flaky::default())).build();
        let builder = fleet.builder(server.endpoint()).process(process.clone());
        let tokens = builder.build();
        tokens.token().await.unwrap();
        server.change_password();
        server.lose(true, false);
        fleet.store.set(Mood::Failing);
        sleep(Duration::from_secs(60)).await;
        tokens.token().await.unwrap_err();
        assert_eq!(server.requests(), 2);
        if with_other {
            other.load_status().await.unwrap();
        }
        sleep(Duration::from_secs(60)).await;
        tokens.token().await.unwrap_err();
        assert_eq!(server.requests(), 2, "other cache: {with_other}");
    }
}

/// A store that counts its guards, and loads.
#[derive(Debug, Default)]
struct Guarded(Flaky, Arc<()>, AtomicU32);

impl Store for Guarded {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        self.2.fetch_add(1, Ordering::Relaxed);
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

    fn hold<'a>(&'a self, _: &'a AccountKey, _: AttemptId) -> StoreFuture<'a, Option<Liveness>> {
        let guard: Liveness = Box::new(Arc::clone(&self.1));
        Box::pin(async { Ok(Some(guard)) })
    }
}

#[tokio::test(start_paused = true)]
async fn guard_of_repeated_attempt_is_kept_until_reported() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Guarded::default());
    let service = tower::service_fn(|_: Request<TokenRequestBody>| async {
        let response = Response::builder().status(503);
        Ok::<_, Infallible>(response.body(String::new()).unwrap())
    });
    let right = credentials(&fleet.kit.user, "password");
    let endpoint = TokenEndpoint::with_service(environment(), right, service);
    let tokens = fleet.builder(endpoint.unwrap()).build();
    let fetch = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(100)).await;
    fleet.store.0.set(Mood::ReadOnly);
    fetch.await.unwrap().unwrap_err();
    sleep(Duration::from_millis(10)).await;
    assert!(fleet.record().await.facts().attempts()[0].is_open());
    assert_eq!(
        Arc::strong_count(&fleet.store.1),
        2,
        "the guard was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn fetch_that_leaves_nothing_is_followed_by_no_poll() {
    for (password, polls) in [("password", false), ("wrong", true)] {
        let fleet = Fleet::new(Kit::new(rules(300, 10)), Guarded::default());
        let tokens = fleet.start(password);
        let _ = tokens.token().await;
        let loads = || fleet.store.2.load(Ordering::Relaxed);
        let before = loads();
        sleep(LOOK).await;
        assert_eq!(loads() > before, polls, "{password}");
    }
}

#[tokio::test(start_paused = true)]
async fn store_that_stays_down_is_reported_to_every_five_seconds() {
    let fleet = Fleet::new(Kit::new(rules(300, 700)), Guarded::default());
    let tokens = fleet.start("wrong");
    let fetch = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.0.set(Mood::Failing);
    fetch.await.unwrap().unwrap_err();
    sleep(Duration::from_secs(10)).await;
    let before = fleet.store.2.load(Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    let loads = fleet.store.2.load(Ordering::Relaxed) - before;
    assert!((10..=15).contains(&loads), "{loads}");
}

#[tokio::test(start_paused = true)]
async fn late_fetch_without_store_does_not_repeat_probes() {
    let (fleet, server, process) = (fleet(), Server::new(), Process::new());
    let start = || {
        let builder = fleet.builder(server.endpoint()).process(process.clone());
        builder.on_store_down(OnStoreDown::Attempt).build()
    };
    let (one, two) = (start(), start());
    one.token().await.unwrap();
    two.token().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    fleet.store.set(Mood::Failing);
    server.lose(true, false);
    let first = tokio::spawn(one.token());
    sleep(Duration::from_secs(3)).await;
    let second = tokio::spawn(two.token());
    sleep(Duration::from_millis(3_900)).await;
    // Two fetches, and for each cache a task that polls the record.
    assert!(Handle::current().metrics().num_alive_tasks() <= 8);
    first.await.unwrap().unwrap_err();
    second.await.unwrap().unwrap_err();
    assert!(server.probes() <= 2, "{}", server.probes());
}

#[tokio::test(start_paused = true)]
async fn guard_is_kept_while_another_account_is_written() {
    let fleet = Fleet::new(Kit::new(rules(300, 700)), Guarded::default());
    let tokens = fleet.start("wrong");
    let fetch = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.0.set(Mood::ReadOnly);
    let error = fetch.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(Arc::strong_count(&fleet.store.1), 2);
    fleet.store.0.set(Mood::Well);
    tokens
        .set_credentials(credentials("another", "other"))
        .unwrap();
    // Sooner than the outcome is reported.
    tokens.token().await.unwrap_err();
    assert!(fleet.record().await.facts().attempts()[0].is_open());
    assert_eq!(
        Arc::strong_count(&fleet.store.1),
        2,
        "the guard was dropped"
    );
    sleep(LOOK).await;
    assert!(!fleet.record().await.facts().attempts()[0].is_open());
    assert_eq!(Arc::strong_count(&fleet.store.1), 1, "the guard was kept");
}

#[tokio::test(start_paused = true)]
async fn guard_is_kept_by_a_write_that_began_before_the_outcome() {
    let fleet = Fleet::new(Kit::new(rules(300, 700)), Guarded::default());
    let (tokens, flaky) = (fleet.start("wrong"), &fleet.store.0);
    let fetch = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(100)).await;
    flaky.put(fleet.account(), None);
    flaky.set(Mood::Late);
    // Writes the attempt again, and ends after that.
    let status = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.load_status().await.map(drop) }
    });
    sleep(Duration::from_millis(100)).await;
    flaky.set(Mood::ReadOnly);
    fetch.await.unwrap().unwrap_err();
    status.await.unwrap().unwrap();
    assert!(fleet.record().await.facts().attempts()[0].is_open());
    assert_eq!(
        Arc::strong_count(&fleet.store.1),
        2,
        "the guard was dropped"
    );
}

/// The other cache has the default store, that of the process.
#[tokio::test(start_paused = true)]
async fn cache_without_store_costs_no_third_strike() {
    let (fleet, server, process) = (fleet(), Server::new(), Process::new());
    let other = TokenCache::builder(server.endpoint())
        .clock(fleet.clock)
        .process(process.clone())
        .build();
    let builder = fleet.builder(server.endpoint()).process(process.clone());
    let tokens = builder.build();
    tokens.token().await.unwrap();
    server.change_password();
    fleet.store.set(Mood::Failing);
    sleep(Duration::from_secs(60)).await;
    tokens.token().await.unwrap_err();
    other.token().await.unwrap_err();
    drop(tokens);
    sleep(LOOK).await;
    fleet.store.set(Mood::Well);
    sleep(3 * LOOK).await;
    for password in ["password", "wrong", "also wrong"] {
        let next = fleet.builder(server.endpoint_with(password)).build();
        let _ = next.token().await;
    }
    assert!(server.rejections() <= 2, "locked: {}", server.rejections());
}
