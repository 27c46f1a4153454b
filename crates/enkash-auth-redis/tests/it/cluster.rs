//! A cluster of three, whose slots move and whose nodes fail.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::Credentials;
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{AccountKey, BoxError, Store, conformance::check};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    fleet::{Fleet, LONG, keep_calling},
    support::{
        cluster::{Cluster, key},
        server::Server,
        soon::soon,
    },
};

fn account(number: usize) -> AccountKey {
    let base = "http://localhost".parse().unwrap();
    Credentials::merchant(number.to_string(), "secret").account(&base)
}

/// Counts in the record of `account` until it `is_done`; returns how many writes succeeded.
async fn count(
    store: RedisStore,
    account: AccountKey,
    is_done: Arc<AtomicBool>,
) -> Result<u64, BoxError> {
    let mut count = 0;
    let mut current: Option<Vec<u8>> = None;
    while !is_done.load(Ordering::Relaxed) {
        let next = (count + 1).to_string().into_bytes();
        let set = store.compare_and_set(&account, current.as_deref(), &next);
        assert!(set.await?, "{count}");
        assert_eq!(store.load(&account).await?.record(), Some(&next[..]));
        (current, count) = (Some(next), count + 1);
        sleep(Duration::from_millis(20)).await;
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cluster_passes_register_suite_from_any_node() {
    let cluster = Cluster::start().await;
    check(cluster.store()).await.unwrap();
    // A node that is not called one of a cluster redirects all the same.
    check(cluster.nodes[1].store()).await.unwrap();
    let mut loading = JoinSet::new();
    let mut slots = HashSet::new();
    let store = cluster.store();
    for number in 0..60 {
        let (store, account) = (store.clone(), account(number));
        slots.insert(cluster.slot(&account).await % 3);
        loading.spawn(async move { store.load(&account).await.map(drop).unwrap() });
    }
    loading.join_all().await;
    assert_eq!(slots.len(), 3);
    for node in &cluster.nodes {
        let clients: String = node.command("CLIENT LIST TYPE normal").await;
        // One of the first store, one or two of the others, and the one that asks.
        assert!(clients.lines().count() <= 6, "{clients}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn no_call_fails_while_slots_move() {
    let cluster = Cluster::start().await;
    let store = cluster.store();
    let is_done = Arc::new(AtomicBool::new(false));
    let mut counting = JoinSet::new();
    for number in 0..20 {
        counting.spawn(count(store.clone(), account(number), Arc::clone(&is_done)));
    }
    for round in 0..2 {
        for number in 0..20 {
            let account = account(number);
            let slot = cluster.slot(&account).await;
            let owner = |round: u16| usize::from((slot + round) % 3);
            let (from, to) = (owner(round), owner(round + 1));
            cluster.move_slot(slot, &key(&account), from, to).await;
        }
    }
    is_done.store(true, Ordering::Relaxed);
    let counts: Vec<u64> = counting
        .join_all()
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    println!("writes of each account while 40 slots moved: {counts:?}");
    assert!(counts.iter().all(|count| *count > 2), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn node_down_affects_its_own_slots_until_its_replica_takes_over() {
    let mut cluster = Cluster::start().await;
    let replica = cluster.add().await;
    cluster.until_known(4).await;
    let replicate = format!("CLUSTER REPLICATE {}", cluster.ids[1]);
    cluster.nodes[replica].command::<()>(&replicate).await;
    soon("it replicates", async || {
        let info = cluster.nodes[replica].replication().await;
        info.contains("master_link_status:up")
    })
    .await;
    let store = cluster
        .store()
        .call_timeout(Duration::from_secs(5))
        .unwrap();
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let account = account(number);
        store.compare_and_set(&account, None, b"one").await.unwrap();
        match cluster.slot(&account).await % 3 {
            1 => own.push(account),
            _ => others.push(account),
        }
    }
    soon("all is replicated", async || {
        cluster.nodes[replica].keys().await.len() == own.len()
    })
    .await;
    cluster.nodes[1].kill();
    let killed = Instant::now();
    soon("the replica has taken over", async || {
        for account in &others {
            assert!(store.load(account).await.is_ok(), "{:?}", killed.elapsed());
        }
        store.load(&own[0]).await.is_ok()
    })
    .await;
    for account in &own {
        assert!(
            store
                .compare_and_set(account, Some(b"one"), b"two")
                .await
                .unwrap()
        );
    }
    println!("served after {:?}", killed.elapsed());
}

/// By a node that does not have the slot to the one that has it, and is moving it, and from there to the next.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn call_follows_two_redirections() {
    let cluster = Cluster::start().await;
    let account = account(0);
    let slot = cluster.slot(&account).await;
    let owner = usize::from(slot % 3);
    let [next, other] = [(owner + 1) % 3, (owner + 2) % 3];
    let set = format!("CLUSTER SETSLOT {slot}");
    let importing = format!("{set} IMPORTING {}", cluster.ids[owner]);
    cluster.nodes[next].command::<()>(&importing).await;
    let migrating = format!("{set} MIGRATING {}", cluster.ids[next]);
    cluster.nodes[owner].command::<()>(&migrating).await;
    let store = cluster.nodes[other].store();
    assert!(store.load(&account).await.unwrap().record().is_none());
    let store = cluster.nodes[other].store();
    let set = store.compare_and_set(&account, None, b"one").await;
    assert!(set.unwrap());
    assert_eq!(cluster.nodes[next].keys().await.len(), 1);
}

/// As one that is loading its data, or in a minority.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn node_that_is_up_and_serves_nothing_is_passed_over() {
    let cluster = Cluster::start().await;
    let alone = Server::start(&["--cluster-enabled", "yes"]).await;
    let url = format!(
        "redis-cluster://127.0.0.1:{},127.0.0.1:{}",
        alone.port(),
        cluster.nodes[0].port()
    );
    let store = RedisStore::new(&url).unwrap();
    for number in 0..9 {
        store.load(&account(number)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn fleet_on_cluster_shares_one_token() {
    let cluster = Cluster::start().await;
    let fleet = Fleet::slow(LONG, Duration::from_millis(300)).await;
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let tokens = fleet.over(cluster.store(), "password").build();
        starting.spawn(async move { tokens.token().await.map(drop).unwrap() });
    }
    starting.join_all().await;
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 11 s: lifetimes of a token"]
async fn fleet_shares_one_token_per_expiry_while_its_slot_moves() {
    const LIFE: Duration = Duration::from_secs(3);
    let cluster = Cluster::start().await;
    let fleet = Fleet::slow(LIFE, Duration::from_millis(50)).await;
    let mut calling = JoinSet::new();
    let end = Instant::now() + LIFE * 7 / 2;
    for _ in 0..3 {
        let tokens = fleet.over(cluster.store(), "password").build();
        calling.spawn(keep_calling(tokens, end));
    }
    soon("a token is stored", async || fleet.requests() > 0).await;
    let (mut owner, key) = cluster.only_key().await;
    let slot = format!("CLUSTER KEYSLOT {key}");
    let slot = cluster.nodes[owner].command(&slot).await;
    let mut moves = 0;
    while Instant::now() < end {
        let next = (owner + 1) % 3;
        cluster.move_slot(slot, &key, owner, next).await;
        (owner, moves) = (next, moves + 1);
    }
    let calls = calling.join_all().await;
    println!("{moves} moves; calls, and the slowest: {calls:?}");
    fleet.assert_one_request_for_each_expiry(LIFE);
    assert!(fleet.requests() > 3 && moves > 9, "{moves}");
}
