//! A server that is slow, gone, not ours to use, empty again, or none at all.

use std::{sync::Arc, time::Duration};

use enkash_auth_core::{Clock, ErrorKind, SystemClock};
use enkash_auth_redis::{
    RedisStore,
    tower::{TokenCache, TokenStore},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{fleet::Fleet, server::Server};

const LIFE: Duration = Duration::from_secs(3);

/// A fault: what goes wrong, and how it is mended.
async fn survive(
    fleet: &mut Fleet,
    how: &str,
    start: impl AsyncFn(&mut Server),
    end: impl AsyncFn(&mut Server),
) {
    let proven = fleet.start("password");
    proven.token().await.unwrap();
    let requests = fleet.requests();
    start(&mut fleet.server).await;
    // A valid token: nobody notices.
    let asked = Instant::now();
    proven.token().await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(100), "{how}");
    // Credentials of which nobody knows are not sent, and that is said in time.
    let unproven = fleet.start("password");
    let asked = Instant::now();
    let error = unproven.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{how}");
    assert!(asked.elapsed() < Duration::from_millis(900), "{how}");
    // Proven ones are renewed.
    let asked = Instant::now();
    while asked.elapsed() < LIFE {
        proven.token().await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    let renewed = fleet.requests() - requests;
    assert!((1..=3).contains(&renewed), "{how}: {renewed}");
    end(&mut fleet.server).await;
    // All have one token in the end.
    let asked = Instant::now();
    loop {
        let one = proven.token().await.unwrap();
        if let Ok(two) = unproven.token().await
            && two.expose() == one.expose()
        {
            break;
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "{how}");
        sleep(Duration::from_millis(50)).await;
    }
    let more = fleet.requests() - requests - renewed;
    assert!(more <= 4, "{how}: {more}");
}

async fn fleet() -> Option<Fleet> {
    Fleet::new(LIFE, Duration::ZERO).await
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped() {
    let Some(mut fleet) = fleet().await else {
        return;
    };
    let stop = async |server: &mut Server| server.signal("-STOP");
    let go_on = async |server: &mut Server| server.signal("-CONT");
    survive(&mut fleet, "stopped", stop, go_on).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow() {
    let Some(mut fleet) = fleet().await else {
        return;
    };
    let pause = async |server: &mut Server| server.run(&[b"CLIENT", b"PAUSE", b"5000"]).await;
    // It ends by itself.
    let go_on = async |_: &mut Server| {};
    survive(&mut fleet, "paused", pause, go_on).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_and_back_empty() {
    let Some(mut fleet) = fleet().await else {
        return;
    };
    let kill = async |server: &mut Server| server.kill();
    let restart = async |server: &mut Server| server.restart().await;
    survive(&mut fleet, "gone", kill, restart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let Some(mut fleet) = fleet().await else {
        return;
    };
    let fill = async |server: &mut Server| {
        server.run(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
        server
            .run(&[b"DEL", server.keys(":token:*").await[0].as_bytes()])
            .await;
    };
    let empty = async |server: &mut Server| {
        server.run(&[b"CONFIG", b"SET", b"maxmemory", b"0"]).await;
    };
    survive(&mut fleet, "full", fill, empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only() {
    let Some(fleet) = fleet().await else {
        return;
    };
    fleet.start("password").token().await.unwrap();
    fleet
        .server
        .run(&[b"CONFIG", b"SET", b"replica-serve-stale-data", b"yes"])
        .await;
    // A replica of a primary that is not there: it answers, and takes no writes.
    fleet.server.run(&[b"REPLICAOF", b"127.0.0.1", b"1"]).await;
    let reader = fleet.start("password");
    reader.token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
    let error = fleet.start("other").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    fleet.server.run(&[b"REPLICAOF", b"NO", b"ONE"]).await;
    let other = fleet.start("other").token().await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_for_the_server_is_named_and_not_shown() {
    let Some(server) = Server::start(&["--requirepass", "right"]).await else {
        return;
    };
    let Some(fleet) = fleet().await else { return };
    for login in ["", ":hunter2@", "nobody:hunter2@"] {
        let url = format!("redis://{login}127.0.0.1:{}", server.port());
        let store = RedisStore::new(&url).unwrap();
        assert!(!format!("{store:?}").contains("hunter2"));
        let endpoint = fleet.endpoint("password");
        let load = store.load(endpoint.principal(), SystemClock.now());
        let error = load.await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let url = format!("redis://:right@127.0.0.1:{}", server.port());
    let store = RedisStore::new(&url).unwrap();
    let endpoint = fleet.endpoint("password");
    let load = store.load(endpoint.principal(), SystemClock.now());
    load.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_at_the_address() {
    let Some(fleet) = fleet().await else { return };
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
                // It may have gone.
                let _ = stream.write_all(garbage).await;
                sleep(Duration::from_secs(5)).await;
            }
        });
        let tokens = TokenCache::builder(fleet.endpoint("password"))
            .store(Arc::new(RedisStore::new(&url).unwrap()))
            .build();
        let asked = Instant::now();
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{garbage:?}");
        assert!(asked.elapsed() < Duration::from_millis(900));
        answering.abort();
    }
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_costs_no_call() {
    let Some(fleet) = fleet().await else { return };
    let (store, endpoint) = (fleet.server.store(), fleet.endpoint("password"));
    for _ in 0..5 {
        let load = store.load(endpoint.principal(), SystemClock.now());
        load.await.unwrap();
        let kill: &[&[u8]] = &[b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"];
        fleet.server.run(kill).await;
    }
}

#[test]
fn a_runtime_that_is_driven_no_more_keeps_nobody_waiting() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let Some(fleet) = first.block_on(fleet()) else {
        return;
    };
    let (store, endpoint) = (fleet.server.store(), fleet.endpoint("password"));
    for runtime in [&first, &second, &first, &second] {
        let load = store.load(endpoint.principal(), SystemClock.now());
        runtime.block_on(load).unwrap();
    }
    drop(first);
    let load = store.load(endpoint.principal(), SystemClock.now());
    second.block_on(load).unwrap();
}
