use std::{path::Path, process::Command, time::Duration};

use enkash_auth_sandbox::{Rules, Sandbox};
use tokio::time::{Instant, sleep};

use crate::{
    process::Sidecar,
    redis_server::RedisServer,
    stage::{Dialect, command, is_locked, issuer, sandbox},
};

/// A sandbox and a Redis shared by sidecars.
pub(super) struct Replicas {
    pub(super) redis: RedisServer,
    pub(super) sandbox: Sandbox,
}

impl Replicas {
    pub(super) async fn new(rules: Rules) -> Self {
        Self {
            redis: RedisServer::start().await.unwrap(),
            sandbox: sandbox(issuer(rules)).await,
        }
    }

    /// Returns the sidecar command with the right credentials.
    pub(super) fn command(&self) -> Command {
        let mut command = command(&self.sandbox, Dialect::Form);
        command.env("ENKASH_TOKEN_STORE", self.redis.url());
        command
    }

    /// Returns the sidecar command with the password in `file`.
    pub(super) fn with_password_of(&self, file: &Path) -> Command {
        let mut command = self.command();
        command
            .env_remove("ENKASH_PASSWORD")
            .env("ENKASH_PASSWORD_FILE", file);
        command
    }

    pub(super) async fn start(&self) -> Sidecar {
        Sidecar::start(self.command()).await
    }

    pub(super) fn requests(&self) -> u64 {
        self.sandbox.issuer().counters().token_requests
    }

    pub(super) fn is_locked(&self) -> bool {
        is_locked(&self.sandbox)
    }

    /// Runs `enkash-sidecar reset`; returns its output.
    pub(super) async fn reset(&self, sure: bool) -> String {
        let mut command = self.command();
        command.arg("reset").stdin(std::process::Stdio::null());
        if sure {
            command.arg("--yes");
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        String::from_utf8(output.await.unwrap().stdout).unwrap()
    }

    /// Waits until a token request is in flight.
    pub(super) async fn until_token_request(&self) {
        let start = Instant::now();
        while self.sandbox.issuer().token_requests_open() == 0 {
            assert!(start.elapsed() < Duration::from_secs(60));
            sleep(Duration::from_millis(5)).await;
        }
    }
}
