//! Token requests and calls through a proxy, with a private CA.

use std::process::Command;

use enkash_auth_sandbox::{Rules, Sandbox, Tls};
use http::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use self::connect_proxy::{ConnectProxy, Manner};
use super::{
    check::check,
    stage::{Dialect, SECRETS, Stage, assert_quiet, command, issuer, sandbox},
};

#[expect(dead_code, reason = "not all of it is needed here")]
#[path = "../../../enkash-auth-tower/tests/it/egress/connect_proxy.rs"]
mod connect_proxy;

const PROXY_PASSWORD: &str = "px-Ym5sR8dKv3";
/// The user `gate` and the proxy's password, for HTTP Basic.
const PROXY_BASIC: &str = "Z2F0ZTpweC1ZbTVzUjhkS3Yz";

/// A sandbox behind TLS, and a plaintext listener for the test itself.
struct Behind {
    tls: Sandbox,
    plain: Sandbox,
    directory: TempDir,
}

impl Behind {
    async fn new() -> Self {
        let issuer = issuer(Rules::new());
        let tls = Tls::new().name("enkash.test").name("192.0.2.1");
        Self {
            tls: Sandbox::builder()
                .issuer(issuer.clone())
                .tls(tls)
                .start()
                .await
                .unwrap(),
            plain: sandbox(issuer).await,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns the sidecar command, through `proxy` to the sandbox at `host`.
    fn command(&self, proxy: &ConnectProxy, host: &str) -> Command {
        let authority = self.tls.certificate_authority().unwrap();
        let ca_file = self.directory.path().join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let port = self.tls.addr().port();
        let mut command = command(&self.plain, Dialect::Form);
        command
            .env("ENKASH_BASE_URL", format!("https://{host}:{port}"))
            .env(
                "HTTPS_PROXY",
                format!("http://gate:{PROXY_PASSWORD}@{}", proxy.address()),
            )
            .env("ENKASH_CA_FILE", ca_file);
        command
    }
}

fn assert_holds_no_proxy_secret(output: &str) {
    assert!(!output.contains(PROXY_PASSWORD) && !output.contains(PROXY_BASIC));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_requests_and_calls_go_through_proxy() {
    let behind = Behind::new().await;
    let proxy = ConnectProxy::start(Manner::Tunnel(behind.tls.addr())).await;
    let command = behind.command(&proxy, "enkash.test");
    let target = format!("enkash.test:{}", behind.tls.addr().port());
    let stage = Stage::with_command(behind.plain, command).await;
    for path in ["/api/v0/one", "/api/v0/two"] {
        let response = stage.get(path).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let headers = &response.json()["headers"];
        assert_eq!(headers["host"][0], target.as_str(), "{headers}");
        assert_eq!(headers["proxy-authorization"], Value::Null);
    }
    assert_eq!(stage.get("/-/ready").await.status, StatusCode::OK);
    assert_eq!(
        (stage.token_requests(), stage.issuer().counters().api_calls),
        (1, 2)
    );

    // One connection for tokens, the others for calls.
    let asked = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {PROXY_BASIC}\r\n\r\n"
    );
    let heads = proxy.heads();
    assert!(
        heads.len() > 1 && heads.iter().all(|head| *head == asked),
        "{heads:?}"
    );
    let tokens = stage.tokens().await;
    let tunnelled = proxy.tunnelled();
    let minted = tokens.iter().map(String::as_str);
    for secret in SECRETS.into_iter().chain(minted) {
        let secret = secret.as_bytes();
        assert!(!tunnelled.windows(secret.len()).any(|part| part == secret));
    }
    let output = stage.sidecar.kill().await;
    assert_quiet(&output, &tokens);
    assert_holds_no_proxy_secret(&output);
    let told = format!("proxy=http://{}/", proxy.address());
    assert!(output.contains(&told), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_proxy_costs_no_strike() {
    let behind = Behind::new().await;
    let proxy = ConnectProxy::start(Manner::Answer("HTTP/1.1 403 Forbidden\r\n\r\n")).await;
    let checked = check(behind.command(&proxy, "enkash.test")).await;
    assert_eq!(checked.code, Some(3), "{}", checked.all);
    assert!(
        checked.text.starts_with("unavailable: "),
        "{}",
        checked.text
    );
    let named = format!("through the proxy http://{}/", proxy.address());
    assert!(checked.text.contains(&named), "{}", checked.text);
    assert_holds_no_proxy_secret(&checked.all);

    let command = behind.command(&proxy, "enkash.test");
    let stage = Stage::with_command(behind.plain, command).await;
    let response = stage.get("/api/v0/any").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.forwarded(), Value::Bool(false));
    let status = stage.get("/-/status").await.json();
    assert_eq!(
        (&status["strikes"], &status["unresolved_attempts"]),
        (&0.into(), &0.into())
    );
    assert_eq!(stage.token_requests(), 0);
    assert_holds_no_proxy_secret(&stage.sidecar.kill().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_ca_sends_nothing() {
    let behind = Behind::new().await;
    let proxy = ConnectProxy::start(Manner::Tunnel(behind.tls.addr())).await;
    let mut command = behind.command(&proxy, "enkash.test");
    command.env_remove("ENKASH_CA_FILE");
    let checked = check(command).await;
    assert_eq!(checked.code, Some(3), "{}", checked.all);
    assert!(checked.text.contains("certificate"), "{}", checked.text);
    assert_eq!(proxy.heads().len(), 1);
    assert_eq!(behind.plain.issuer().counters().token_requests, 0);
}

/// An unassigned address: without the proxy, nothing responds.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_in_no_proxy_bypass_proxy() {
    let behind = Behind::new().await;
    let proxy = ConnectProxy::start(Manner::Tunnel(behind.tls.addr())).await;
    for (list, code, asked) in [("192.0.2.0/24", 3, 0), ("192.0.3.0/24", 0, 1)] {
        let mut command = behind.command(&proxy, "192.0.2.1");
        command.env("NO_PROXY", list);
        let checked = check(command).await;
        assert_eq!(checked.code, Some(code), "{}", checked.all);
        assert_eq!(proxy.heads().len(), asked);
    }
}
