use std::{
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
    sync::Once,
    time::Duration,
};

use enkash_auth_examples::RedisServer;
use enkash_auth_sandbox::{Rules, Sandbox};
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::sidecar::{
    process::Sidecar,
    stage::{Answer, Dialect, client, command, issuer, sandbox},
};

/// A sandbox and a Redis for sidecars to share.
pub(super) struct Replicas {
    pub(super) redis: RedisServer,
    pub(super) sandbox: Sandbox,
}

impl Replicas {
    /// `None` where there is no `redis-server`, which it says.
    pub(super) async fn new(rules: Rules) -> Option<Self> {
        let redis = match RedisServer::start().await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let required = std::env::var_os("ENKASH_REQUIRE_REDIS").is_some();
                assert!(!required, "redis-server is not installed");
                say_so();
                return None;
            }
            started => started.unwrap(),
        };
        Some(Self {
            redis,
            sandbox: sandbox(issuer(rules)).await,
        })
    }

    /// The program, with the right credentials.
    pub(super) fn command(&self) -> Command {
        let mut command = command(&self.sandbox, Dialect::Form);
        command.env("ENKASH_TOKEN_STORE", self.redis.url());
        command
    }

    /// The program, with the password that stands in `file`.
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
        let accounts = self.sandbox.issuer().account_statuses();
        accounts.iter().any(|account| account.locked)
    }

    /// Runs `sidecar reset`, with what it prints.
    pub(super) async fn reset(&self, sure: bool) -> String {
        let mut command = self.command();
        command.arg("reset").stdin(std::process::Stdio::null());
        if sure {
            command.arg("--yes");
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        String::from_utf8(output.await.unwrap().stdout).unwrap()
    }

    /// Waits until a token request has come, and is not answered yet.
    pub(super) async fn until_asked(&self) {
        let start = Instant::now();
        while self.sandbox.issuer().token_requests_open() == 0 {
            assert!(start.elapsed() < Duration::from_secs(20));
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Once, and past what captures the output of tests.
fn say_so() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let line = b"redis-server is not installed: the tests of a fleet do nothing\n";
        std::io::stderr().write_all(line).unwrap();
    });
}

async fn get(sidecar: &Sidecar, path: &str) -> Answer {
    let url = format!("http://{}{path}", sidecar.address());
    let request = Request::get(url).body(Full::default()).unwrap();
    Answer::read(client().request(request).await).await
}

/// One call; how it was answered.
pub(super) async fn call(sidecar: &Sidecar) -> StatusCode {
    get(sidecar, "/api/v0/any").await.status
}

pub(super) async fn status(sidecar: &Sidecar) -> Value {
    get(sidecar, "/-/status").await.json()
}

/// Waits until a call is served; says how long that took.
pub(super) async fn until_served(sidecar: &Sidecar, limit: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let answer = get(sidecar, "/api/v0/any").await;
        if answer.status == StatusCode::OK {
            break;
        }
        let why = String::from_utf8_lossy(&answer.body);
        assert!(start.elapsed() < limit, "not served after {limit:?}: {why}");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
    start.elapsed()
}
