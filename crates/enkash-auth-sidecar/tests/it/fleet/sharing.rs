//! One token for all replicas.

use std::{sync::Arc, time::Duration};

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use tokio::task::JoinSet;

use super::replicas::Replicas;
use crate::{requests::call, stage::assert_quiet};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn six_cold_replicas_make_one_token_request() {
    let rules = Rules::new().delay(Duration::from_millis(300));
    let fleet = Replicas::new(rules).await;
    let mut sidecars = Vec::new();
    for _ in 0..6 {
        sidecars.push(Arc::new(fleet.start().await));
    }
    let mut calls = JoinSet::new();
    for sidecar in &sidecars {
        for _ in 0..30 {
            let sidecar = Arc::clone(sidecar);
            calls.spawn(async move { call(&sidecar).await.status });
        }
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.len(), 180);
    assert!(statuses.iter().all(|status| *status == StatusCode::OK));
    assert_eq!(fleet.requests(), 1);
    for sidecar in sidecars {
        assert_quiet(&Arc::into_inner(sidecar).unwrap().kill().await, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn redis_password_is_in_no_message() {
    let fleet = Replicas::new(Rules::new()).await;
    let port = fleet.redis.url().rsplit_once(':').unwrap().1.to_owned();
    for (address, code) in [
        (format!("redis://:hunter2-Pq9@127.0.0.1:{port}"), 10),
        ("redis://:hunter2-Pq9@127.0.0.1:1".to_owned(), 10),
        (format!("rediss://:hunter2-Pq9@127.0.0.1:{port}"), 10),
        ("redis://:hunter2-Pq9@127.0.0.1:x".to_owned(), 2),
        ("redis://:hunter2-Pq9@".to_owned(), 2),
    ] {
        let mut command = fleet.command();
        command.env("ENKASH_TOKEN_STORE", &address).arg("check");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(code), "{address}: {text}");
        assert!(!text.contains("hunter2-Pq9"), "{text}");
    }
    assert_eq!(fleet.requests(), 0);
}
