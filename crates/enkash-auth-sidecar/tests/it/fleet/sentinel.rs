//! A primary that is killed in a fetch, under sentinels.

use std::time::Duration;

use enkash_auth_sandbox::{Issuing, Rules};
use tokio::time::Instant;

use crate::{
    process::Sidecar,
    redis_servers::{sentinels::Watched, soon::soon},
    requests::{call, until_served},
    stage::{Dialect, PASSWORD, command, is_locked, issuer, sandbox},
};

/// Kills the primary in the first fetch of three sidecars with `password`. Returns the number of requests, and how long
/// it took until all calls were served, or rejected.
async fn survive(watched: &mut Watched, password: &str) -> (u64, Duration) {
    let rules = Rules::new().issuing(Issuing::Rotating);
    let sandbox = sandbox(issuer(rules.delay(Duration::from_millis(700)))).await;
    let start = || {
        let mut command = command(&sandbox, Dialect::Form);
        command
            .env("ENKASH_TOKEN_STORE", watched.url("payouts"))
            .env("ENKASH_PASSWORD", password);
        Sidecar::start(command)
    };
    let sidecars = [start().await, start().await, start().await];
    soon("a token is requested", async || {
        sandbox.issuer().token_requests_open() > 0
    })
    .await;
    watched.kill();
    let killed = Instant::now();
    for sidecar in &sidecars {
        match password {
            PASSWORD => drop(until_served(sidecar).await),
            _ => {
                soon("it is rejected", async || {
                    call(sidecar).await.json()["class"] == "rejected"
                })
                .await;
            }
        }
    }
    assert!(!is_locked(&sandbox));
    (sandbox.issuer().counters().token_requests, killed.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 15 s: two failovers"]
async fn primary_killed_in_fetch_of_processes_locks_no_account() {
    let mut watched = Watched::start().await;
    for (round, password) in ["wrong", PASSWORD].into_iter().enumerate() {
        if round > 0 {
            watched.restart().await;
        }
        let (requests, took) = survive(&mut watched, password).await;
        println!("{password}: {requests} requests, {took:?}");
        assert!(requests <= 2, "{requests}");
    }
}
