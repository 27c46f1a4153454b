use http::StatusCode;
use tokio::task::JoinSet;

use super::{
    kept::Kept,
    server::{Seen, Server, rejections, run},
};
use crate::{process::Sidecar, requests::call};

const ROUNDS: usize = 60;

/// The number of concurrent rounds, so that processes are preempted at random points.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts 300 processes"]
async fn five_cold_starts_send_wrong_password_once() {
    let mut more = Vec::new();
    for _ in 0..ROUNDS / AT_ONCE {
        let mut rounds = JoinSet::new();
        rounds.spawn(serve());
        for _ in 1..AT_ONCE {
            rounds.spawn(check());
        }
        let seen = rounds.join_all().await.into_iter();
        more.extend(seen.filter(|seen| *seen != rejections(1)));
    }
    assert!(more.is_empty(), "{} of {ROUNDS}: {more:?}", more.len());
}

async fn check() -> Seen {
    let (server, kept) = (Server::new().await, Kept::directory());
    let mut checks = JoinSet::new();
    for _ in 0..5 {
        let mut command = server.command(&kept.url(), "wrong");
        command.arg("check");
        checks.spawn(run(command));
    }
    checks.join_all().await;
    server.seen()
}

/// Starts five sidecars, and calls each.
async fn serve() -> Seen {
    let (server, kept) = (Server::new().await, Kept::directory());
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let command = server.command(&kept.url(), "wrong");
        calls.spawn(async {
            let sidecar = Sidecar::start(command).await;
            let status = call(&sidecar).await.status;
            (sidecar, status)
        });
    }
    for (_, status) in calls.join_all().await {
        assert_ne!(status, StatusCode::OK);
    }
    server.seen()
}
