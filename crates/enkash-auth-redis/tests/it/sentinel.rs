//! A primary that is killed in a fetch, and what its sentinels promote.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::{ErrorKind, Store, TokenCache, conformance::check};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    fleet::{Fleet, LONG},
    support::{sentinels::Watched, soon::soon},
};

/// Calls `tokens` until the result is final: a token, or a rejection. Returns whether it is a token.
async fn until_decided(tokens: &TokenCache) -> bool {
    loop {
        match tokens.token().await {
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::Rejected => return false,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Kills the primary in a fetch. If `is_lost`, it replicated nothing of that. Returns how long it took until the replica
/// was promoted, and until all were served, and the number of requests.
async fn survive(
    watched: &mut Watched,
    round: usize,
    password: &str,
    is_lost: bool,
) -> (Duration, Duration, u64) {
    let fleet = Fleet::slow(LONG, Duration::from_millis(700)).await;
    let prefix = format!("round-{round}");
    let store = |prefix: &str| watched.store("payouts").key_prefix(prefix).unwrap();
    // Each has connections of its own.
    let start = || fleet.over(store(&prefix), password).build();
    // Its token expires meanwhile; its credentials are known good.
    let other = Fleet::new(Duration::from_secs(4)).await;
    let bystander = other.over(store(&format!("{prefix}-other")), "password");
    let bystander = bystander.build();
    bystander.token().await.unwrap();
    let is_decided = Arc::new(AtomicBool::new(false));
    let serving = tokio::spawn({
        let is_decided = Arc::clone(&is_decided);
        async move {
            while !is_decided.load(Ordering::Relaxed) {
                bystander.token().await.unwrap();
                sleep(Duration::from_millis(10)).await;
            }
        }
    });
    if is_lost {
        let nowhere = "REPLICAOF 127.0.0.1 1";
        watched.replica().command::<()>(nowhere).await;
    }
    let fleet_of = [start(), start(), start()];
    let newcomer = start();
    let mut deciding = JoinSet::new();
    for tokens in &fleet_of {
        let tokens = tokens.clone();
        deciding.spawn(async move { until_decided(&tokens).await });
    }
    soon("an attempt is sent", async || fleet.requests() == 1).await;
    for tokens in &fleet_of {
        tokens.load_status().await.unwrap();
    }
    if !is_lost {
        soon("the attempt is replicated", async || {
            let keys = watched.replica().keys().await;
            keys.iter()
                .any(|key| key.starts_with(&format!("{prefix}:")))
        })
        .await;
    }
    watched.kill();
    let killed = Instant::now();
    soon("the replica is promoted", async || {
        let info = watched.primary().replication().await;
        info.contains("role:master")
    })
    .await;
    let promoted = killed.elapsed();
    let is_served = deciding.join_all().await;
    assert!(is_served.iter().all(|is| *is == (password == "password")));
    let decided = (fleet.requests(), fleet.rejections());
    match (password, is_lost) {
        // The token of the first may not be stored.
        ("password", _) => assert!(matches!(decided, (1 | 2, 0)), "{decided:?}"),
        // The attempt in flight is lost, so another of these may make one: the fourth exception.
        (_, true) => assert!(matches!(decided, (1, 1) | (2, 2)), "{decided:?}"),
        (_, false) => assert_eq!(decided, (1, 1)),
    }
    // This one has seen nothing, but the record is restored.
    assert_eq!(until_decided(&newcomer).await, password == "password");
    let served = killed.elapsed();
    let all = (fleet.requests(), fleet.rejections());
    match password {
        "password" => assert!(matches!(all, (1 | 2, 0)), "{all:?}"),
        _ => assert_eq!(all, decided),
    }
    is_decided.store(true, Ordering::Relaxed);
    serving.await.unwrap();
    (promoted, served, all.0)
}

/// `KILLS` sets how often, `SERVED_WITHIN` after how many seconds all have to be served.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 6 s for each kill: a failover"]
async fn killed_primary_costs_at_most_one_request_more() {
    let kills = env::var("KILLS").map_or(4, |kills| kills.parse().unwrap());
    let mut watched = Watched::start().await;
    let limit = env::var("SERVED_WITHIN").map_or(60, |seconds| seconds.parse().unwrap());
    let mut longest = Duration::ZERO;
    for round in 0..kills {
        let (password, is_lost) = [
            ("wrong", true),
            ("password", false),
            ("wrong", false),
            ("password", true),
        ][round % 4];
        let (promoted, served, requests) = survive(&mut watched, round, password, is_lost).await;
        println!(
            "{round}: {password}, lost: {is_lost}: {promoted:?} {served:?}, {requests} requests"
        );
        longest = longest.max(served);
        assert!(served < Duration::from_secs(limit), "{served:?}");
        if round + 1 < kills {
            watched.restart().await;
        }
    }
    println!("{kills} kills: served at most {longest:?} after the kill");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn sentinels_are_asked_for_primary() {
    let mut watched = Watched::start().await;
    // One of them is enough.
    watched.kill_sentinel();
    check(watched.store("payouts")).await.unwrap();
    let account = Fleet::new(LONG).await.start("password").account().unwrap();
    let unknown = watched.store("payout").load(&account).await;
    assert!(unknown.unwrap_err().to_string().contains("do not know"));
}

/// What the page on fleets advises.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn primary_that_must_replicate_accepts_no_write_alone() {
    let mut watched = Watched::start().await;
    let set = "CONFIG SET min-replicas-to-write 1";
    watched.primary().command::<()>(set).await;
    let fleet = Fleet::new(LONG).await;
    let store = watched.store("payouts");
    let start = |password| fleet.over(store.clone(), password).build();
    start("password").token().await.unwrap();
    watched.kill_replica();
    let late = start("wrong");
    soon("the replica is missed", async || {
        let info = watched.primary().replication().await;
        info.contains("connected_slaves:0")
    })
    .await;
    let error = late.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    // The stored token is served all the same.
    start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 1);
    // `WAIT` would be late: it says how many replicas have the write, which stays.
    let set = "CONFIG SET min-replicas-to-write 0";
    watched.primary().command::<()>(set).await;
    let client = redis::Client::open(watched.primary().url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut wait = redis::pipe();
    wait.cmd("SET").arg(&["key", "alone"]).ignore();
    wait.cmd("WAIT").arg(&[1, 100]);
    let (replicated,): (u32,) = wait.query_async(&mut connection).await.unwrap();
    assert_eq!(replicated, 0);
    assert_eq!(watched.primary().get("key").await, b"alone");
}
