use std::{process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rules, Sandbox, Tls};
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};

use super::proxy::Proxy;
use crate::{
    process::{Sidecar, sidecar},
    requests::{call, client, get},
};

pub(super) const RIGHT: &str = "right";

/// The timeout of every wait.
const LIMIT: Duration = Duration::from_secs(90);

/// The lease of an attempt under the settings of [`Server::command`]: the fetch timeout and 6 s.
pub(super) const LEASE: Duration = Duration::from_secs(8);

/// A token server behind a proxy. Its account counts consecutive failures, and locks at three.
pub(super) struct Server {
    pub(super) proxy: Proxy,
    sandbox: Sandbox,
    certificate: Option<TempDir>,
}

impl Server {
    pub(super) async fn new() -> Self {
        let sandbox = sandbox(RIGHT);
        let sandbox = sandbox.start().await.unwrap();
        Self {
            proxy: Proxy::start(sandbox.addr()).await,
            sandbox,
            certificate: None,
        }
    }

    /// Starts the server over TLS, where a request needs two more round trips.
    pub(super) async fn with_tls() -> Self {
        let sandbox = sandbox(RIGHT).tls(Tls::new()).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let authority = sandbox.certificate_authority().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        Self {
            proxy: Proxy::start(sandbox.addr()).await,
            sandbox,
            certificate: Some(directory),
        }
    }

    /// Changes the password of the account, which then has no strikes and no token.
    pub(super) async fn change_password(&mut self, password: &str) {
        let sandbox = sandbox(password);
        self.sandbox = sandbox.start().await.unwrap();
        self.proxy.point_at(self.sandbox.addr());
    }

    pub(super) fn issuer(&self) -> &Issuer {
        self.sandbox.issuer()
    }

    /// Returns the token requests, the rejected ones, and whether the account is locked.
    pub(super) fn seen(&self) -> Seen {
        let counters = self.issuer().counters();
        Seen {
            requests: counters.token_requests,
            rejections: counters.rejections,
            locked: self.issuer().account_statuses().iter().any(|it| it.locked),
        }
    }

    /// Returns the sidecar command with `password` and the record at `store`. Its timeouts are short, and
    /// so leases and backoffs are.
    pub(super) fn command(&self, store: &str, password: &str) -> Command {
        let (scheme, address) = match self.certificate {
            Some(_) => ("https", self.proxy.address()),
            None => ("http", self.proxy.address()),
        };
        let mut command = sidecar();
        command
            .env("RUST_LOG", "info")
            .env("ENKASH_BASE_URL", format!("{scheme}://{address}"))
            .env("ENKASH_CLIENT_ID", "client-id")
            .env("ENKASH_CLIENT_SECRET", "client-secret")
            .env("ENKASH_USERNAME", "user@example.com")
            .env("ENKASH_PASSWORD", password)
            .env("ENKASH_TOKEN_STORE", store)
            .env("ENKASH_FETCH_TIMEOUT", "2s")
            .env("ENKASH_BACKOFF_MAX", "1s");
        if let Some(directory) = &self.certificate {
            command.env("ENKASH_CA_FILE", directory.path().join("ca.pem"));
        }
        command
    }

    pub(super) async fn start(&self, store: &str, password: &str) -> Arc<Sidecar> {
        Arc::new(Sidecar::start(self.command(store, password)).await)
    }

    /// Runs `check`; returns its exit code and output.
    pub(super) async fn check(&self, store: &str, password: &str) -> (Option<i32>, String) {
        let mut command = self.command(store, password);
        command.arg("check");
        run(command).await
    }

    /// Runs `reset --yes` with more arguments; it must succeed.
    pub(super) async fn reset(&self, store: &str, more: &[&str]) {
        let mut command = self.command(store, RIGHT);
        command.args(["reset", "--yes"]).args(more);
        let (code, printed) = run(command).await;
        assert_eq!(code, Some(0), "{printed}");
    }

    /// Waits until the server holds back the response to a token request.
    pub(super) async fn until_token_request(&self, requests: u64) {
        until("a token request under way", async || {
            self.seen().requests >= requests && self.issuer().token_requests_open() > 0
        })
        .await;
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) rejections: u64,
    pub(super) locked: bool,
}

/// Returns `count` rejected requests; three lock the account.
pub(super) fn rejections(count: u64) -> Seen {
    Seen {
        requests: count,
        rejections: count,
        locked: count > 2,
    }
}

fn sandbox(password: &str) -> enkash_auth_sandbox::SandboxBuilder {
    let accounts = Accounts::none()
        .client("client-id", "client-secret")
        .user("user@example.com", password);
    let rules = Rules::new().issuing(Issuing::Rotating);
    let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
    Sandbox::builder().issuer(issuer)
}

pub(super) async fn run(mut command: Command) -> (Option<i32>, String) {
    let output = spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

/// Waits for a condition, with a generous timeout.
pub(super) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < LIMIT, "not in {LIMIT:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a call through each sidecar reaches the API.
pub(super) async fn until_served(sidecars: &[Arc<Sidecar>]) {
    for sidecar in sidecars {
        until("a call that is served", async || {
            call(sidecar).await.status == http::StatusCode::OK
        })
        .await;
    }
}

/// Returns the strikes and unresolved attempts that a sidecar reports.
pub(super) async fn strikes(sidecar: &Sidecar) -> u64 {
    let Value::Object(status) = get(sidecar, "/-/status").await.json() else {
        panic!("no status");
    };
    let kinds = status
        .iter()
        .filter(|(name, _)| ["strikes", "unresolved_attempts"].contains(&name.as_str()));
    kinds
        .map(|(name, value)| value.as_u64().unwrap_or_else(|| panic!("{name}")))
        .sum()
}

/// Waits until each sidecar reports this number of strikes.
pub(super) async fn until_reported(sidecars: &[Arc<Sidecar>], count: u64) {
    for sidecar in sidecars {
        until("strikes on record", async || {
            strikes(sidecar).await == count
        })
        .await;
    }
}

/// Calls each sidecar five times a second, until it is dropped.
pub(super) fn traffic(sidecars: &[Arc<Sidecar>]) -> JoinSet<()> {
    let mut calls = JoinSet::new();
    for sidecar in sidecars {
        let (client, address) = (client(), sidecar.address());
        calls.spawn(async move {
            loop {
                let url = format!("http://{address}/api/v0/any");
                let request = Request::get(url).body(Full::<Bytes>::default()).unwrap();
                // Served or not: the server counts.
                let _ = client.request(request).await;
                sleep(Duration::from_millis(200)).await;
            }
        });
    }
    calls
}
