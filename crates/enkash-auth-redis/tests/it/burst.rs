//! Many calls at once, on one connection for each runtime.

use std::{
    convert::Infallible,
    env,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, User};
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{AccountKey, BoxError, Store, TokenCache, TokenEndpoint, TokenRequestBody};
use http::{Request, Response};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::{JoinSet, yield_now},
    time::{Instant, sleep},
};
use tower::service_fn;

use crate::{
    fleet::environment,
    support::{server::Server, soon::soon},
    wire::{Holds, Wire},
};

async fn wired() -> (Server, Wire, RedisStore) {
    let server = Server::start(&[]).await;
    let wire = Wire::new(server.port()).await;
    let store = RedisStore::new(&wire.url()).unwrap();
    (server, wire, store)
}

fn account(number: usize) -> AccountKey {
    let base = "http://localhost".parse().unwrap();
    Credentials::merchant(number.to_string(), "secret").account(&base)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Returns the cache of an account of its own.
fn cold(number: usize, store: &RedisStore) -> TokenCache {
    let issuer = service_fn(|_: Request<TokenRequestBody>| async {
        let grant = r#"{"access_token":"one","expires_in":300}"#;
        Ok::<_, Infallible>(Response::new(grant.to_owned()))
    });
    let user = User::new(format!("{number}@example.com"), "password");
    let credentials = Credentials::password(Client::new("client-id", "secret"), user);
    let endpoint = TokenEndpoint::with_service(environment(), credentials, issuer);
    let builder = TokenCache::builder(endpoint.unwrap());
    builder.store(store.clone()).build()
}

/// Returns the number of connections that the server has accepted.
async fn connections(server: &Server) -> u64 {
    let info: String = server.run(&[b"INFO", b"stats"]).await;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().parse().unwrap()
}

/// Loads the records of `count` accounts at once, and returns how many calls succeeded.
async fn load(store: &RedisStore, count: usize) -> usize {
    let mut loading = JoinSet::new();
    for number in 0..count {
        let (store, account) = (store.clone(), account(number));
        loading.spawn(async move { store.load(&account).await.is_ok() });
    }
    loading
        .join_all()
        .await
        .into_iter()
        .filter(|is| *is)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn burst_of_cold_accounts_is_served_on_one_link() {
    let server = Server::start(&[]).await;
    let store = server.store().call_timeout(Duration::from_secs(5)).unwrap();
    let before = connections(&server).await;
    let mut fetching = JoinSet::new();
    for number in 0..1_000 {
        let tokens = cold(number, &store);
        fetching.spawn(async move {
            // A slow machine needs longer than a caller waits.
            while let Err(error) = tokens.token().await {
                sleep(error.retry_after().unwrap_or_default()).await;
            }
        });
    }
    fetching.join_all().await;
    let opened = connections(&server).await - before;
    assert!(opened <= 4, "{opened}");
}

/// `ENKASH_CACHES` sets how many.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn restart_under_many_caches_opens_few_connections() {
    let caches = env::var("ENKASH_CACHES").map_or(300, |count| count.parse().unwrap());
    let mut server = Server::start(&[]).await;
    let store = server.store();
    let mut fetching = JoinSet::new();
    let granted = Arc::new(AtomicUsize::new(0));
    for number in 0..caches {
        let granted = Arc::clone(&granted);
        let tokens = cold(number, &store);
        fetching.spawn(async move {
            while let Err(error) = tokens.token().await {
                sleep(error.retry_after().unwrap_or_default()).await;
            }
            granted.fetch_add(1, Ordering::Relaxed);
        });
    }
    soon("they fetch", async || granted.load(Ordering::Relaxed) > 0).await;
    server.kill();
    let early = granted.load(Ordering::Relaxed);
    assert!(early < caches, "{early}");
    sleep(Duration::from_millis(300)).await;
    server.restart().await;
    let restarted = Instant::now();
    fetching.join_all().await;
    let opened = connections(&server).await;
    println!(
        "{early} before, {caches} after {:?}; {opened} connections",
        restarted.elapsed()
    );
    // With the one that waited for the start, and the one that asks.
    assert!(opened <= 4 + 2, "{opened}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn concurrent_first_calls_share_one_dial() {
    let (_server, wire, store) = wired().await;
    assert_eq!(load(&store, 500).await, 500);
    assert_eq!(wire.opened(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn slow_dial_is_completed_for_the_next_call() {
    let (_server, wire, store) = wired().await;
    wire.hold(Holds::All);
    assert_eq!(load(&store, 10).await, 0);
    wire.hold(Holds::None);
    soon("it is connected", async || load(&store, 1).await == 1).await;
    assert_eq!(wire.opened(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn late_call_closes_its_own_link_alone() -> Result<(), BoxError> {
    let (_server, wire, store) = wired().await;
    let [one, other] = [account(1), account(2)];
    assert!(store.compare_and_set(&one, None, b"one").await?);
    wire.die(1);
    // Sent on the dead link, and late long after a load has opened another.
    let mut late = store.compare_and_set(&one, Some(b"one"), b"two");
    poll_fn(|cx| Poll::Ready(late.as_mut().poll(cx).is_pending())).await;
    store.load(&other).await?;
    late.await.unwrap_err();
    store.load(&other).await?;
    assert_eq!(wire.opened(), 2);
    // Nothing but the late call itself closes this one.
    wire.die(2);
    store
        .compare_and_set(&one, Some(b"one"), b"two")
        .await
        .unwrap_err();
    assert!(store.compare_and_set(&other, None, b"other").await?);
    assert_eq!(wire.opened(), 3);
    Ok(())
}

/// A busy runtime writes a call, or reads its response, long after it should.
#[test]
#[ignore = "needs redis-server"]
fn busy_runtime_is_not_taken_for_a_late_server() {
    let (own, busy) = (
        Builder::new_multi_thread().enable_all().build().unwrap(),
        runtime(),
    );
    let (_server, wire, store) = own.block_on(wired());
    busy.block_on(async {
        store.load(&account(0)).await.unwrap();
        let account = account(1);
        let loading = tokio::spawn({
            let store = store.clone();
            async move { store.load(&account).await.map(drop) }
        });
        // Polled after the call, and before the task of the connection.
        let (_sender, never) = mpsc::channel::<()>();
        let blocking = tokio::spawn(async move {
            never.recv_timeout(Duration::from_secs(1)).unwrap_err();
        });
        loading.await.unwrap().unwrap();
        blocking.await.unwrap();
    });
    assert_eq!(wire.opened(), 1);
}

/// A call waits for its response from when it is written: here, by a task that waits in turn for a busy thread.
#[test]
#[ignore = "needs redis-server"]
fn call_that_is_written_late_waits_for_its_response() {
    let own = Builder::new_multi_thread().enable_all().build().unwrap();
    let mut busy = Builder::new_multi_thread();
    let busy = busy.worker_threads(2).enable_all().build().unwrap();
    let (_server, wire, store) = own.block_on(wired());
    // A load is late after a third of that.
    let store = store.call_timeout(Duration::from_secs(3)).unwrap();
    busy.block_on(async {
        assert_eq!(load(&store, 1).await, 1);
        let (sender, is_busy) = oneshot::channel();
        let first = store.clone();
        let blocking = tokio::spawn(async move {
            let account = account(1);
            let mut loading = first.load(&account);
            // From now on, the task of the connection is the next one of this thread.
            poll_fn(|cx| Poll::Ready(loading.as_mut().poll(cx).is_pending())).await;
            sender.send(()).unwrap();
            let (_sender, never) = mpsc::channel::<()>();
            never.recv_timeout(Duration::from_secs(2)).unwrap_err();
            loading.await.map(drop)
        });
        is_busy.await.unwrap();
        store.load(&account(2)).await.unwrap();
        blocking.await.unwrap().unwrap();
    });
    assert_eq!(wire.opened(), 1);
}

/// A server that is behind with all calls would be further behind with each connection that is opened.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn late_calls_close_no_link_that_responds() {
    let (_server, wire, store) = wired().await;
    let store = store.call_timeout(Duration::from_secs(2)).unwrap();
    assert_eq!(load(&store, 1).await, 1);
    wire.hold(Holds::Slowly);
    let in_time = load(&store, 250).await;
    assert!((1..250).contains(&in_time), "{in_time}");
    assert_eq!(wire.opened(), 1);
}

/// As many as tokio's budget of a task would keep it from writing, or reading, at its turn.
#[test]
#[ignore = "needs redis-server"]
fn busy_runtime_with_many_calls_closes_no_link() {
    let (own, busy) = (
        Builder::new_multi_thread().enable_all().build().unwrap(),
        runtime(),
    );
    let (_server, wire, store) = own.block_on(wired());
    busy.block_on(async {
        store.load(&account(0)).await.unwrap();
        let blocking = tokio::spawn(async {
            let (_sender, never) = mpsc::channel::<()>();
            for _ in 0..8 {
                never.recv_timeout(Duration::from_millis(300)).unwrap_err();
                yield_now().await;
            }
        });
        assert_eq!(load(&store, 250).await, 250);
        blocking.abort();
    });
    assert_eq!(wire.opened(), 1);
}

#[test]
#[ignore = "needs redis-server"]
fn each_runtime_keeps_its_own_link() {
    let own = Builder::new_multi_thread().enable_all().build().unwrap();
    let (_server, wire, store) = own.block_on(wired());
    let (first, second) = (runtime(), runtime());
    for runtime in [&first, &second, &first, &second] {
        assert_eq!(runtime.block_on(load(&store, 10)), 10);
    }
    assert_eq!(wire.opened(), 2);
    drop(first);
    assert_eq!(second.block_on(load(&store, 10)), 10);
    own.block_on(soon("its link is closed", async || wire.open() == 1));
}

/// Requests are lost, while responses to those before them still arrive. That they do keeps the link for the calls that
/// began before; the first one that begins afterwards closes it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn half_dead_link_does_not_outlast_its_last_response() -> Result<(), BoxError> {
    let (_server, wire, store) = wired().await;
    let store = store.call_timeout(Duration::from_secs(3))?;
    assert_eq!(load(&store, 1).await, 1);
    wire.hold(Holds::All);
    let before = wire.round_trips();
    let early = tokio::spawn({
        let store = store.clone();
        async move { load(&store, 250).await }
    });
    soon("they are sent", async || wire.round_trips() > before).await;
    wire.lose_requests(1);
    let account = account(1);
    let mut late = store.load(&account);
    poll_fn(|cx| Poll::Ready(late.as_mut().poll(cx).is_pending())).await;
    wire.hold(Holds::Slowly);
    // One of them, or of the early ones, finds that the link is dead, and fails at worst.
    let _ = late.await;
    early.await?;
    wire.hold(Holds::None);
    store.load(&account).await?;
    assert!(wire.opened() >= 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn queue_before_hung_server_fails_soon() {
    let (server, wire, store) = wired().await;
    assert_eq!(load(&store, 1).await, 1);
    server.signal("-STOP");
    let started = Instant::now();
    assert_eq!(load(&store, 5_000).await, 0);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(wire.opened() <= 4, "{}", wire.opened());
    server.signal("-CONT");
    soon("it is served", async || load(&store, 1_000).await == 1_000).await;
}
