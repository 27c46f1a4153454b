//! Callers that fetch a token themselves.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use enkash_auth_sandbox::Rules;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    issuer::python,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

/// Some spellings that servers route to a token request; the tests of core's `token_path` have all.
const SPELLINGS: [&str; 16] = [
    "/oauth/token",
    "/api/v0/merchant/token",
    "/gateway/oauth/token",
    "/OAuth/Token",
    "/api/v0/merchant/token/",
    "//api//v0//merchant//token",
    "/api/./v0/merchant/token/.",
    "/api/v0/payouts/../merchant/token",
    "/api/v0/x/..;a=b/merchant/token",
    "/api/v0/merchant;v=1/token;jsessionid=0",
    "/api%2Fv0%2Fmerchant%2Ftoken",
    "/api/v0/merchant/to%256ben",
    "/api\\v0\\merchant\\token",
    "/api/v0/merchant/token.json",
    "/api/v0/merchant/token%00",
    "http://other.example/api/v0/merchant/token?a=b",
];

/// Sends `request` as it is, and no more if it `is_all`. Returns the response.
async fn exchange(stage: &Stage, request: &str, is_all: bool) -> String {
    let mut stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    if is_all {
        stream.shutdown().await.unwrap();
    }
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_of_callers_cost_no_strike() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let command = command(&sandbox, Dialect::Json);
    let stage = Stage::with_command(sandbox, command).await;
    stage.until_served().await;
    let own = stage.token_requests();
    let keys = r#"{"accessKey":"ak-Nf6bC3wXe1","secretKey":"not-the-secret-key"}"#;
    let address = stage.sidecar.address();
    for path in SPELLINGS {
        for _ in 0..3 {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{keys}",
                keys.len()
            );
            let response = exchange(&stage, &request, false).await;
            assert!(
                response.starts_with("HTTP/1.1 200 OK\r\n"),
                "{path}: {response}"
            );
            assert!(
                response.contains(r#""token":"enkash-sidecar""#),
                "{path}: {response}"
            );
        }
    }
    assert_eq!(stage.token_requests(), own);
    for account in stage.issuer().account_statuses() {
        assert_eq!((account.strikes, account.locked), (0, false), "{account:?}");
    }
    let output = stage.sidecar.kill().await;
    let encoded = BASE64_STANDARD.encode("not-the-secret-key");
    for secret in ["not-the-secret-key", &encoded] {
        assert!(!output.contains(secret), "the caller's key in the log");
    }
}

/// Makes the call of a client library, and asserts that it was served by the sidecar's token.
async fn served_to(program: PathBuf, script: &str, module: Option<PathBuf>) {
    let stage = Stage::new().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let mut client = Command::new(program);
    client.arg(script).arg(stage.url("")).args(module);
    let output = tokio::task::spawn_blocking(move || client.output().unwrap());
    let output = output.await.unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let expected = json!({
        "token": "enkash-sidecar",
        "lifetime": 300,
        "refreshed": "enkash-sidecar",
        "status": 200,
    });
    assert_eq!(printed, expected, "{output:?}");
    assert_eq!(stage.token_requests(), 1, "the sidecar's own");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python and requests-oauthlib"]
async fn requests_oauthlib_is_served_with_dummy_credentials() {
    served_to(python(), "password.py", None).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node and oauth4webapi"]
async fn oauth4webapi_is_served_with_dummy_credentials() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let module = target.join("tools/node_modules/oauth4webapi/build/index.js");
    assert!(module.exists(), "{} is missing", module.display());
    served_to("node".into(), "password.mjs", Some(module)).await;
}

/// What is wrong with a request of the caller is not the upstream's fault.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_body_of_caller_is_its_own_fault() {
    let stage = Stage::new().await;
    stage.until_served().await;
    let calls = stage.issuer().counters().api_calls;
    let address = stage.sidecar.address();
    for body in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Content-Length: 10\r\n\r\nhello",
    ] {
        let head = format!("POST /api/v0/any HTTP/1.1\r\nHost: {address}");
        let response = exchange(&stage, &format!("{head}\r\n{body}"), true).await;
        assert!(
            response.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{response}"
        );
        assert!(response.contains(r#""forwarded":false"#), "{response}");
    }
    assert_eq!(stage.issuer().counters().api_calls, calls);
    stage.finish().await;
}
