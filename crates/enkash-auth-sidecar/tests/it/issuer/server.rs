use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use tempfile::TempDir;

pub(super) const USER: &str = "user@example.com";
pub(super) const PASSWORD: &str = "right password";
pub(super) const CLIENT: &str = "client-id";
pub(super) const CLIENT_SECRET: &str = "right secret";

/// The server on a free port, killed on drop.
pub(super) struct Server {
    child: Child,
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
    _directory: TempDir,
}

/// The counters of the server.
#[derive(Debug, Deserialize)]
pub(super) struct Counters {
    pub(super) token_requests: u32,
    pub(super) token_rejections: u32,
    pub(super) api_calls: u32,
    pub(super) api_unauthorized: u32,
}

impl Server {
    /// Starts the server with tokens that live `seconds`.
    pub(super) async fn start(seconds: u32) -> Self {
        tokio::task::spawn_blocking(move || Self::spawn(seconds))
            .await
            .unwrap()
    }

    fn spawn(seconds: u32) -> Self {
        let directory = TempDir::new().unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/issuer/server.py");
        let mut child = Command::new(python())
            .args([program.as_ref(), directory.path().as_os_str()])
            .arg(seconds.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let base = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            child,
            base: base.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            _directory: directory,
        }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn client(&self) -> Client<HttpConnector, Full<Bytes>> {
        self.client.clone()
    }

    pub(super) async fn counters(&self) -> Counters {
        let response = self.send(Request::get(self.url("/-/counters"))).await;
        serde_json::from_slice(&response).unwrap()
    }

    /// Revokes all tokens.
    pub(super) async fn revoke_all(&self) {
        self.send(Request::post(self.url("/-/revoke-all"))).await;
    }

    /// Revokes `token`, as its client may (RFC 7009).
    pub(super) async fn revoke(&self, token: &str) {
        let form = format!("token={token}&client_id={CLIENT}&client_secret={CLIENT_SECRET}");
        let request = Request::post(self.url("/oauth/revoke"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form.replace(' ', "+")))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: http::request::Builder) -> Bytes {
        let request = request.body(Full::default()).unwrap();
        let response = self.client.request(request).await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response.into_body().collect().await.unwrap().to_bytes()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the Python that has the packages of the server: `CONTRIBUTING.md` says how to install them.
pub(crate) fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("tools/bin/python");
    assert!(python.exists(), "{} is missing", python.display());
    python
}
