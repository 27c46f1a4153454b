//! Secrets from files, as container platforms mount them.

use std::fs;

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use tempfile::TempDir;

use super::stage::{Dialect, PASSWORD, Stage, command, issuer, sandbox};

/// Starts a sidecar with its password in a file.
async fn stage(password: &str) -> (Stage, TempDir) {
    let secrets = tempfile::tempdir().unwrap();
    fs::write(secrets.path().join("password"), password).unwrap();
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command
        .env_remove("ENKASH_PASSWORD")
        .env("ENKASH_PASSWORD_FILE", secrets.path().join("password"));
    (Stage::with_command(sandbox, command).await, secrets)
}

#[tokio::test(flavor = "multi_thread")]
async fn password_file_grants_token() {
    let (stage, _secrets) = stage(&format!("{PASSWORD}\n")).await;
    assert_eq!(stage.get("/api/v0/any").await.status, StatusCode::OK);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn password_file_rotated_before_first_use_fails_no_call() {
    let (stage, secrets) = stage("old").await;
    fs::write(secrets.path().join("password"), PASSWORD).unwrap();
    assert_eq!(stage.get("/api/v0/any").await.status, StatusCode::OK);
    assert_eq!(stage.token_requests(), 2);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarantined sidecar looks again after 5 s"]
async fn password_file_rotated_later_recovers_without_restart() {
    let (stage, secrets) = stage("old").await;
    let rejected = stage.get("/api/v0/any").await;
    assert_eq!(rejected.status, StatusCode::BAD_GATEWAY);
    fs::write(secrets.path().join("password"), PASSWORD).unwrap();
    stage.until_served().await;
    assert_eq!(stage.token_requests(), 2);
    stage.finish().await;
}
