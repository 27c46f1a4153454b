//! A server that is slow, unreachable, not permitted to be used, emptied, or not Redis.

use std::time::Duration;

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{ErrorKind, OnStoreDown, RefreshPolicy, Store};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

use crate::{
    fleet::Fleet,
    support::{server::Server, soon::soon},
};

const LIFE: Duration = Duration::from_secs(3);

/// Plays a fault that begins with `start` and ends with `end`.
async fn survive(start: impl AsyncFn(&mut Server), end: impl AsyncFn(&mut Server)) {
    let mut fleet = Fleet::new(LIFE).await;
    let known_good = fleet.start("password");
    known_good.token().await.unwrap();
    let holding = fleet.process("password").on_store_down(OnStoreDown::Hold);
    let holding = holding.build();
    holding.token().await.unwrap();
    start(&mut fleet.server).await;
    // A valid token needs no load from the store: it is there at once.
    let token = timeout(Duration::ZERO, known_good.token());
    token.await.unwrap().unwrap();
    // Credentials that are not known good are not sent, and their error does not take a fetch's whole time.
    let unknown = fleet.start("password");
    let asked = Instant::now();
    let error = unknown.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert!(asked.elapsed() < RefreshPolicy::default().fetch_timeout / 2);
    assert_eq!(fleet.requests(), 1);
    // Known good credentials are sent, by the process that is not configured to hold.
    let asked = Instant::now();
    while asked.elapsed() < LIFE {
        known_good.token().await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    let renewed = fleet.requests();
    assert!((2..=4).contains(&renewed), "{renewed}");
    let error = holding.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    end(&mut fleet.server).await;
    soon("all have one token", async || {
        let one = known_good.token().await.unwrap();
        let is_shared = async |tokens: &enkash_auth_tower::TokenCache| {
            let token = tokens.token().await;
            token.is_ok_and(|token| token.expose() == one.expose())
        };
        is_shared(&unknown).await && is_shared(&holding).await
    })
    .await;
    let more = fleet.requests() - renewed;
    assert!(more <= 6, "{more}");
    assert_eq!(fleet.attempts().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn callers_are_served_while_redis_is_stopped() {
    let stop = async |server: &mut Server| server.signal("-STOP");
    let go_on = async |server: &mut Server| server.signal("-CONT");
    survive(stop, go_on).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn callers_are_served_while_redis_is_paused() {
    let pause = async |server: &mut Server| server.run(&[b"CLIENT", b"PAUSE", b"5000"]).await;
    // The pause ends by itself.
    let go_on = async |_: &mut Server| {};
    survive(pause, go_on).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn callers_are_served_after_redis_restarts_empty() {
    let kill = async |server: &mut Server| server.kill();
    let restart = async |server: &mut Server| server.restart().await;
    survive(kill, restart).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn callers_are_served_while_redis_is_full() {
    let fill = async |server: &mut Server| {
        server.run::<()>(&[b"FLUSHALL"]).await;
        let full: &[&[u8]] = &[b"CONFIG", b"SET", b"maxmemory", b"1"];
        server.run::<()>(full).await;
    };
    let empty = async |server: &mut Server| {
        let empty: &[&[u8]] = &[b"CONFIG", b"SET", b"maxmemory", b"0"];
        server.run::<()>(empty).await;
    };
    survive(fill, empty).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn persistent_restart_keeps_rejections() {
    let mut fleet = Fleet::new(LIFE).await;
    let kept = ["--appendonly", "yes", "--appendfsync", "always"];
    fleet.server = Server::start(&kept).await;
    fleet.start("wrong").token().await.unwrap_err();
    fleet.server.kill();
    fleet.server.restart().await;
    let rejected = fleet.start("wrong");
    soon("the server has loaded", async || {
        rejected.load_status().await.is_ok()
    })
    .await;
    let error = rejected.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn read_only_replica_serves_tokens_but_no_permit() {
    let fleet = Fleet::new(LIFE * 100).await;
    fleet.start("password").token().await.unwrap();
    // A replica without a primary responds, but accepts no writes.
    let replica: &[&[u8]] = &[b"REPLICAOF", b"127.0.0.1", b"1"];
    fleet.server.run::<()>(replica).await;
    fleet.start("password").token().await.unwrap();
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(fleet.requests(), 1);
    let primary: &[&[u8]] = &[b"REPLICAOF", b"NO", b"ONE"];
    fleet.server.run::<()>(primary).await;
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn wrong_redis_password_is_reported_without_showing_it() {
    let server = Server::start(&["--requirepass", "right"]).await;
    let account = Fleet::new(LIFE).await.start("password").account().unwrap();
    for login in ["", ":hunter2@", "nobody:hunter2@"] {
        let url = format!("redis://{login}127.0.0.1:{}", server.port());
        let store = RedisStore::new(&url).unwrap();
        let error = store.load(&account).await.unwrap_err();
        let shown = format!("{store:?} {error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let url = format!("redis://:right@127.0.0.1:{}", server.port());
    let store = RedisStore::new(&url).unwrap();
    store.load(&account).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn garbage_from_server_sends_no_credentials() {
    let fleet = Fleet::new(LIFE).await;
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\0\xff\xfe",
        b"$99999999\r\nx",
        b"",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // The client may be gone.
                let _ = stream.write_all(garbage).await;
                sleep(Duration::from_secs(5)).await;
            }
        });
        let store = RedisStore::new(&url).unwrap();
        let tokens = fleet.over(store, "password").build();
        let asked = Instant::now();
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{garbage:?}");
        assert!(asked.elapsed() < RefreshPolicy::default().fetch_timeout / 2);
        answering.abort();
    }
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn connection_closed_by_server_fails_no_call() {
    let fleet = Fleet::new(LIFE).await;
    let (store, account) = (
        fleet.server.store(),
        fleet.start("password").account().unwrap(),
    );
    for _ in 0..5 {
        store.load(&account).await.unwrap();
        let kill: &[&[u8]] = &[b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"];
        fleet.server.run::<()>(kill).await;
    }
}

#[test]
#[ignore = "needs redis-server"]
fn idle_runtime_does_not_block_another_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let fleet = first.block_on(Fleet::new(LIFE));
    let (store, account) = (
        fleet.server.store(),
        fleet.start("password").account().unwrap(),
    );
    for runtime in [&first, &second, &first, &second] {
        runtime.block_on(store.load(&account)).unwrap();
    }
    drop(first);
    second.block_on(store.load(&account)).unwrap();
}
