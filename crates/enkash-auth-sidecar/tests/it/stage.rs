use std::{process::Command, time::Duration};

use bytes::Bytes;
use enkash_auth_sandbox::{Accounts, Issuer, Rules, Sandbox};
use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};

use super::{
    process::{Sidecar, sidecar},
    requests::{FullResponse, client, until_served},
};

const CLIENT_SECRET: &str = "cs-Wq7x9TqL2mN";
pub(crate) const PASSWORD: &str = "pw Zk4&=+%8vRt";
const API_KEY: &str = "api-Jh2kP0sYd5";
const ACCESS_KEY: &str = "ak-Nf6bC3wXe1";
const SECRET_KEY: &str = "sk-Uo8gM4zQa7";

/// Secrets in plain text and as sent: in a form and in HTTP Basic.
pub(crate) const SECRETS: [&str; 7] = [
    CLIENT_SECRET,
    PASSWORD,
    "pw+Zk4%26%3D%2B%258vRt",
    "Y2xpZW50LWlkOmNzLVdxN3g5VHFMMm1O",
    API_KEY,
    ACCESS_KEY,
    SECRET_KEY,
];

/// The memory limit of a sidecar.
pub(crate) const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// The kind of the sidecar's credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    Form,
    Json,
}

/// A sandbox and a sidecar before it.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) sidecar: Sidecar,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Stage {
    /// Starts the documented server and a sidecar with the right credentials.
    pub(crate) async fn new() -> Self {
        Self::with_rules(Rules::new()).await
    }

    pub(crate) async fn with_rules(rules: Rules) -> Self {
        Self::with_issuer(issuer(rules)).await
    }

    pub(crate) async fn with_issuer(issuer: Issuer) -> Self {
        let sandbox = sandbox(issuer).await;
        let command = command(&sandbox, Dialect::Form);
        Self::with_command(sandbox, command).await
    }

    pub(crate) async fn with_command(sandbox: Sandbox, command: Command) -> Self {
        Self {
            sandbox,
            sidecar: Sidecar::start(command).await,
            client: client(),
        }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        self.sandbox.issuer()
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.issuer().counters().token_requests
    }

    /// Returns the URL of `path` at the sidecar.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.sidecar.address())
    }

    pub(crate) fn client(&self) -> Client<HttpConnector, Full<Bytes>> {
        self.client.clone()
    }

    pub(crate) async fn get(&self, path: &str) -> FullResponse {
        let request = Request::get(self.url(path)).body(Full::default()).unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> FullResponse {
        FullResponse::read(self.client.request(request).await).await
    }

    /// Waits until calls return 200; returns how long that took.
    pub(crate) async fn until_served(&self) -> Duration {
        until_served(&self.sidecar).await
    }

    pub(crate) fn assert_memory_is_bounded(&self) {
        if let Some(peak) = self.sidecar.peak_memory() {
            assert!(peak < MOST_MEMORY, "{} KiB resident", peak / 1024);
        }
    }

    /// Stops the sidecar and checks that its output contains no secret and no token.
    pub(crate) async fn finish(self) {
        let tokens = self.tokens().await;
        assert_quiet(&self.sidecar.kill().await, &tokens);
    }

    /// Returns the issuer's tokens for the credentials, which it reuses.
    pub(crate) async fn tokens(&self) -> Vec<String> {
        let issuer = self.issuer();
        issuer.cancel_orders();
        issuer.set_outage(false);
        issuer.unlock_all();
        issuer.change_rules(|rules| rules.envelope(false).delay(Duration::ZERO));
        let base = self.sandbox.base_url();
        let form = Request::post(format!("{base}/oauth/token"))
            .header("authorization", format!("Basic {}", SECRETS[3]))
            .header("api-key", API_KEY)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!(
                "grant_type=password&username=user%40example.com&password={}",
                SECRETS[2]
            ));
        let keys = serde_json::json!({ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY });
        let json = Request::post(format!("{base}/api/v0/merchant/token"))
            .header("api-key", API_KEY)
            .header(CONTENT_TYPE, "application/json")
            .body(keys.to_string());
        let mut tokens = Vec::new();
        for request in [form, json] {
            let response = self.send(request.unwrap().map(Full::from)).await.json();
            let token = ["token", "access_token", "accessToken"]
                .into_iter()
                .find_map(|name| response[name].as_str());
            tokens.push(token.unwrap_or_else(|| panic!("{response}")).to_owned());
        }
        tokens
    }
}

pub(crate) fn issuer(rules: Rules) -> Issuer {
    let accounts = Accounts::none()
        .client("client-id", CLIENT_SECRET)
        .user("user@example.com", PASSWORD)
        .merchant(ACCESS_KEY, SECRET_KEY)
        .api_key(API_KEY);
    Issuer::builder().accounts(accounts).rules(rules).build()
}

pub(crate) async fn sandbox(issuer: Issuer) -> Sandbox {
    Sandbox::builder().issuer(issuer).start().await.unwrap()
}

/// Returns whether any account is locked.
pub(crate) fn is_locked(sandbox: &Sandbox) -> bool {
    let accounts = sandbox.issuer().account_statuses();
    accounts.iter().any(|account| account.locked)
}

/// Returns the sidecar command with the right credentials for `sandbox`.
pub(crate) fn command(sandbox: &Sandbox, dialect: Dialect) -> Command {
    let mut command = sidecar();
    command
        .env("ENKASH_BASE_URL", sandbox.base_url())
        .env("ENKASH_API_KEY", API_KEY);
    match dialect {
        Dialect::Form => command
            .env("ENKASH_CLIENT_ID", "client-id")
            .env("ENKASH_CLIENT_SECRET", CLIENT_SECRET)
            .env("ENKASH_USERNAME", "user@example.com")
            .env("ENKASH_PASSWORD", PASSWORD),
        Dialect::Json => command
            .env("ENKASH_ACCESS_KEY", ACCESS_KEY)
            .env("ENKASH_SECRET_KEY", SECRET_KEY),
    };
    command
}

/// Asserts that `output` contains no secret and none of `tokens`, and is a full log.
pub(crate) fn assert_quiet(output: &str, tokens: &[String]) {
    assert!(output.contains("TRACE"), "it logs all it can");
    let tokens = tokens.iter().map(String::as_str);
    for secret in SECRETS.into_iter().chain(tokens) {
        assert!(!output.contains(secret), "{secret} in the output");
    }
}
