//! What a call needs: the caller key, and a name that is allowed beside the address.

use std::{fs, process::Command};

use bytes::Bytes;
use enkash_auth_sandbox::{Rules, Sandbox};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    process::Sidecar,
    requests::FullResponse,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

const KEY: &str = "ck-5Vd1rTz8Qe";

fn with_key(sandbox: &Sandbox, directory: &std::path::Path) -> Command {
    let file = directory.join("key");
    fs::write(&file, format!("{KEY}\r\n")).unwrap();
    let mut command = command(sandbox, Dialect::Form);
    command.env("ENKASH_CALLER_KEY_FILE", file);
    command
}

async fn stage(args: &[&str]) -> (Stage, tempfile::TempDir) {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let directory = tempfile::tempdir().unwrap();
    let mut command = with_key(&sandbox, directory.path());
    command.args(args);
    (Stage::with_command(sandbox, command).await, directory)
}

async fn get(stage: &Stage, path: &str, keys: &[&str]) -> FullResponse {
    let mut request = Request::get(stage.url(path));
    for key in keys {
        request = request.header("x-enkash-caller-key", *key);
    }
    stage
        .send(request.body(Full::<Bytes>::default()).unwrap())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_without_key_is_unauthorized() {
    let (stage, _directory) = stage(&[]).await;
    let longer = format!("{KEY}x");
    for keys in [
        &[][..],
        &[""],
        &["wrong"],
        &[&longer],
        &[KEY, KEY],
        &[KEY, "wrong"],
    ] {
        for path in ["/api/v0/any", "/-/status"] {
            let response = get(&stage, path, keys).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{path} {keys:?}");
            assert_eq!(response.forwarded(), false);
            assert!(response.head.headers().contains_key("www-authenticate"));
        }
    }
    assert_eq!(stage.issuer().counters().api_calls, 0);
    stage.sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_key_is_removed_before_forwarding() {
    let (keyed, _directory) = stage(&[]).await;
    let open = Stage::new().await;
    for stage in [keyed, open] {
        let response = get(&stage, "/api/v0/any", &[KEY]).await;
        assert_eq!(response.status, StatusCode::OK);
        let echo = String::from_utf8_lossy(&response.body).to_lowercase();
        assert!(echo.contains("headers"), "{echo}");
        assert!(
            !echo.contains("caller-key") && !echo.contains(&KEY.to_lowercase()),
            "{echo}"
        );
        let tokens = stage.tokens().await;
        let output = stage.sidecar.kill().await;
        super::stage::assert_quiet(&output, &tokens);
        assert!(!output.contains(KEY), "the key is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_sends_caller_key() {
    let (stage, directory) = stage(&[]).await;
    let mut command = with_key(&stage.sandbox, directory.path());
    command.args([
        "--listen",
        &stage.sidecar.address().to_string(),
        "probe",
        "--live",
    ]);
    let probe = tokio::task::spawn_blocking(move || command.status().unwrap());
    assert_eq!(probe.await.unwrap().code(), Some(0));
    stage.sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_listener_requires_no_caller_key() {
    let (stage, _directory) = stage(&["--admin", "127.0.0.1:0"]).await;
    let url = format!("http://{}/-/live", stage.sidecar.admin());
    let request = Request::get(url).body(Full::default()).unwrap();
    assert_eq!(stage.send(request).await.status, StatusCode::OK);
    stage.sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_listener_starts_with_caller_key_or_without_by_request() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let directory = tempfile::tempdir().unwrap();
    let keyed = with_key(&sandbox, directory.path());
    let mut keyless = command(&sandbox, Dialect::Form);
    keyless.arg("--no-caller-key");
    let by_variable = |value| {
        let mut command = command(&sandbox, Dialect::Form);
        command.env("ENKASH_NO_CALLER_KEY", value);
        command
    };
    for command in [keyed, keyless, by_variable("true"), by_variable("1")] {
        Sidecar::start_on(command, "0.0.0.0:0").await.kill().await;
    }
}

/// Sends `head` unchanged, and returns the status of the response.
async fn status(stage: &Stage, head: &str) -> u16 {
    let mut stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_host_and_missing_one_of_http_1_0_are_served() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args([
        "--allow-host",
        "sidecar",
        "--allow-host",
        "proxy.example:8787",
    ]);
    let stage = Stage::with_command(sandbox, command).await;
    let port = stage.sidecar.address().port();
    let close = "Connection: close\r\n\r\n";
    for (head, expected) in [
        ("GET /a HTTP/1.0\r\n\r\n".to_owned(), 200),
        (format!("GET /a HTTP/1.1\r\n{close}"), 421),
        (
            format!("GET /a HTTP/1.1\r\nHost: localhost:{port}\r\n{close}"),
            200,
        ),
        (format!("GET /a HTTP/1.1\r\nHost: sidecar\r\n{close}"), 200),
        (
            format!("GET /a HTTP/1.1\r\nHost: sidecar:{port}\r\n{close}"),
            200,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: proxy.example:8787\r\n{close}"),
            200,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: proxy.example:80\r\n{close}"),
            421,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: evil.example\r\n{close}"),
            421,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: sidecar\r\nHost: sidecar\r\n{close}"),
            421,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: sidecar\r\nOrigin: http://sidecar:1\r\n{close}"),
            403,
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: sidecar\r\nOrigin: http://sidecar\r\n{close}"),
            200,
        ),
    ] {
        assert_eq!(status(&stage, &head).await, expected, "{head}");
    }
    stage.finish().await;
}
