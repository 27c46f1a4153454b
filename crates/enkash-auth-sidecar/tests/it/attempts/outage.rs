//! Redis that cannot be written to, while the password changes at the server.

use std::{process::Command, time::Duration};

use tokio::{
    task::{JoinSet, LocalSet},
    time::sleep,
};

use super::{
    kept::{Kept, connect},
    server::{RIGHT, Seen, Server, rejections, traffic, until, until_served},
};
use crate::{process::Sidecar, redis_server::RedisServer, requests::get};

/// How long nothing may be sent.
const QUIET: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum Outage {
    Killed,
    Stopped,
    ReadOnly,
}

impl Outage {
    async fn begin(self, redis: &mut RedisServer) {
        match self {
            Self::Killed => redis.kill().unwrap(),
            Self::Stopped => signal(redis, "-STOP"),
            Self::ReadOnly => replica_of(redis, ["127.0.0.1", "1"]).await,
        }
    }

    async fn end(self, redis: &mut RedisServer) {
        match self {
            Self::Killed => redis.restart().await.unwrap(),
            Self::Stopped => signal(redis, "-CONT"),
            Self::ReadOnly => replica_of(redis, ["NO", "ONE"]).await,
        }
    }
}

fn signal(redis: &RedisServer, name: &str) {
    let kill = Command::new("kill")
        .args([name, &redis.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

async fn replica_of(redis: &RedisServer, master: [&str; 2]) {
    let mut command = redis::cmd("REPLICAOF");
    let () = command
        .arg(&master)
        .query_async(&mut connect(redis).await)
        .await
        .unwrap();
}

/// Returns what the server sees of sidecars with known good credentials when the password changes while
/// the store is down: during the outage, after it, and during a second one.
async fn seen(
    on_store_down: &str,
    outage: Outage,
    replicas: u64,
    [during, after]: [u64; 2],
) -> [Seen; 3] {
    let mut kept = Kept::redis().await;
    let mut server = Server::new().await;
    let mut sidecars = Vec::new();
    for _ in 0..replicas {
        let mut command = server.command(&kept.url(), RIGHT);
        command.env("ENKASH_ON_STORE_DOWN", on_store_down);
        sidecars.push(Sidecar::start(command).await.into());
    }
    until_served(&sidecars).await;

    outage.begin(kept.server()).await;
    server.change_password("another").await;
    let _traffic = traffic(&sidecars);
    for sidecar in &sidecars {
        until("the token is no more", async || {
            !get(sidecar, "/-/ready").await.status.is_success()
        })
        .await;
    }
    until("attempts", async || server.seen().requests >= during).await;
    sleep(QUIET).await;
    let first = server.seen();

    outage.end(kept.server()).await;
    until("attempts", async || server.seen().requests >= after).await;
    kept.until_all_have_looked().await;
    let second = server.seen();

    outage.begin(kept.server()).await;
    sleep(QUIET).await;
    [first, second, server.seen()]
}

/// Checks the numbers of attempts, by number of replicas, during the outage and in all after it.
async fn judge(on_store_down: &'static str, counts: fn(u64) -> [u64; 2]) {
    let local = LocalSet::new();
    let mut scenes = JoinSet::new();
    for outage in [Outage::Killed, Outage::Stopped, Outage::ReadOnly] {
        for replicas in [2, 5] {
            let [during, after] = counts(replicas);
            let expected = [during, after, after].map(rejections);
            let scene = async move {
                let seen = seen(on_store_down, outage, replicas, [during, after]).await;
                (seen != expected).then(|| format!("{outage:?}, {replicas} replicas: {seen:?}"))
            };
            scenes.spawn_local_on(scene, &local);
        }
    }
    let wrong = local.run_until(scenes.join_all()).await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{on_store_down}: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn hold_sends_nothing_while_redis_is_down() {
    judge("hold", |_| [0, 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn known_good_sends_one_each_while_redis_is_down() {
    judge("known-good", |replicas| [replicas; 2]).await;
}
