//! Fifty replicas as processes over one Redis: what each event costs the token server.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{task::JoinSet, time::sleep};

use super::server::{RIGHT, Seen, Server, rejections, run, until_served};
use crate::{process::Sidecar, redis_server::RedisServer, requests::call};

const REPLICAS: usize = 50;

/// For this long after its grant, an API may not know a token yet: a 401 is no rejection of it.
const GRACE: Duration = Duration::from_millis(3_200);

/// Returns a sidecar command with the password in `file`.
fn command(server: &Server, redis: &RedisServer, file: &Path) -> Command {
    let mut command = server.command(&redis.url(), RIGHT);
    command
        .env_remove("ENKASH_PASSWORD")
        .env("ENKASH_PASSWORD_FILE", file)
        // So many processes are slow.
        .env_remove("ENKASH_FETCH_TIMEOUT");
    command
}

/// Starts all replicas at once.
async fn start(server: &Server, redis: &RedisServer, file: &Path) -> Vec<Arc<Sidecar>> {
    let mut starting = JoinSet::new();
    for _ in 0..REPLICAS {
        starting.spawn(Sidecar::start(command(server, redis, file)));
    }
    let started = starting.join_all().await;
    started.into_iter().map(Arc::new).collect()
}

/// Makes a call through each replica at once, and asserts that all get `status`.
async fn assert_all_get(status: StatusCode, replicas: &[Arc<Sidecar>]) {
    let mut calls = JoinSet::new();
    for sidecar in replicas {
        let sidecar = Arc::clone(sidecar);
        calls.spawn(async move { call(&sidecar).await.status });
    }
    let statuses = calls.join_all().await;
    assert!(statuses.iter().all(|it| *it == status), "{statuses:?}");
}

fn seen(requests: u64, rejections: u64) -> Seen {
    Seen {
        requests,
        rejections,
        locked: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, starts 100 processes, runs for some 30 s"]
async fn fifty_processes_make_one_request_for_each_event() {
    let (mut server, redis) = (Server::new().await, RedisServer::start().await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, RIGHT).unwrap();
    let cold = start(&server, &redis, &file).await;
    assert_all_get(StatusCode::OK, &cold).await;
    assert_eq!(server.seen(), seen(1, 0), "cold");
    drop(cold);
    let rolled = start(&server, &redis, &file).await;
    assert_all_get(StatusCode::OK, &rolled).await;
    assert_eq!(server.seen(), seen(1, 0), "rolled");
    sleep(GRACE).await;
    assert_eq!(server.issuer().revoke_all(), 1);
    assert_all_get(StatusCode::OK, &rolled).await;
    assert_eq!(server.seen(), seen(2, 0), "revoked");
    sleep(GRACE).await;
    // It knows none of the tokens, and has seen no request.
    server.change_password("second").await;
    // The API's response, and then the sidecar's own.
    for status in [StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY] {
        assert_all_get(status, &rolled).await;
    }
    assert_eq!(server.seen(), seen(1, 1), "password changed");
    fs::write(&file, "second").unwrap();
    until_served(&rolled).await;
    assert_eq!(server.seen(), seen(2, 1), "password file rewritten");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, starts 50 processes"]
async fn fifty_processes_send_wrong_password_once() {
    let (server, redis) = (Server::new().await, RedisServer::start().await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "wrong").unwrap();
    let mut checks = JoinSet::new();
    for _ in 0..REPLICAS {
        let mut command = command(&server, &redis, &file);
        command.arg("check");
        checks.spawn(run(command));
    }
    for (code, printed) in checks.join_all().await {
        assert_eq!(code, Some(5), "{printed}");
    }
    assert_eq!(server.seen(), rejections(1));
}
