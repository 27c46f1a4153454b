//! A slot that moves between the nodes of a cluster, under load.

use std::time::Duration;

use enkash_auth_sandbox::{Issuing, Rules};
use http::StatusCode;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    process::Sidecar,
    redis_servers::cluster::Cluster,
    requests::{call, until_served},
    stage::{Dialect, command, issuer, sandbox},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 12 s: lifetimes of a token"]
async fn processes_fail_no_call_while_their_slot_moves() {
    const LIFE: Duration = Duration::from_secs(4);
    let cluster = Cluster::start().await;
    let rules = Rules::new().lifetime(LIFE).issuing(Issuing::Rotating);
    let sandbox = sandbox(issuer(rules)).await;
    let mut calling = JoinSet::new();
    let start = Instant::now();
    let end = start + LIFE * 5 / 2;
    for _ in 0..6 {
        let mut command = command(&sandbox, Dialect::Form);
        command
            .env("ENKASH_TOKEN_STORE", cluster.url())
            .env("RUST_LOG", "info");
        let sidecar = Sidecar::start(command).await;
        until_served(&sidecar).await;
        calling.spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                assert_eq!(call(&sidecar).await.status, StatusCode::OK);
                sleep(Duration::from_millis(20)).await;
                calls += 1;
            }
            calls
        });
    }
    let (mut owner, key) = cluster.only_key().await;
    let slot = format!("CLUSTER KEYSLOT {key}");
    let slot = cluster.nodes[owner].command(&slot).await;
    let mut moves = 0;
    while Instant::now() < end {
        let next = (owner + 1) % 3;
        cluster.move_slot(slot, &key, owner, next).await;
        (owner, moves) = (next, moves + 1);
    }
    let calls: Vec<u32> = calling.join_all().await;
    let requests = sandbox.issuer().counters().token_requests;
    println!("{moves} moves, {calls:?} calls, {requests} requests");
    assert!(moves > 9, "{moves}");
    // A token is refreshed after half of its life, or a little more.
    let most = 1 + start.elapsed().as_millis() / (LIFE * 2 / 5).as_millis();
    assert!(requests > 2 && u128::from(requests) <= most, "{requests}");
}
