//! `enkash-sidecar check`: its output and exit codes.

use std::{process::Command, time::Duration};

use enkash_auth_sandbox::{Endpoint, Fault, Rules, Sandbox};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::redis_server::RedisServer;

use super::stage::{Dialect, PASSWORD, assert_quiet, command, issuer, sandbox};

pub(super) struct Checked {
    pub(super) code: Option<i32>,
    /// The standard output.
    pub(super) text: String,
    /// The standard output and the log.
    pub(super) all: String,
}

pub(super) async fn check(mut command: Command) -> Checked {
    command.arg("check");
    run(command).await
}

async fn run(mut command: Command) -> Checked {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Checked {
        code: output.status.code(),
        all: text.clone() + &String::from_utf8(output.stderr).unwrap(),
        text,
    }
}

async fn failing(fault: Fault) -> Sandbox {
    let issuer = issuer(Rules::new());
    issuer.order(fault.at(Endpoint::Token).times(10));
    sandbox(issuer).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_granted() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    for dialect in [Dialect::Form, Dialect::Json] {
        let checked = check(command(&sandbox, dialect)).await;
        assert_eq!(checked.code, Some(0), "{}", checked.all);
        assert!(
            checked.text.starts_with("granted: token valid for 86"),
            "{}",
            checked.text
        );
        assert_quiet(&checked.all, &[]);
    }
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.token_requests, counters.api_calls), (2, 0));
}

/// Invalid settings: see `settings`.
#[tokio::test(flavor = "multi_thread")]
async fn offline_check_of_valid_settings_sends_nothing() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    for dialect in [Dialect::Form, Dialect::Json] {
        let mut command = command(&sandbox, dialect);
        command.args(["check", "--offline"]);
        let checked = run(command).await;
        assert_eq!(checked.code, Some(0), "{}", checked.all);
        assert_eq!(checked.text, "settings: valid; nothing was sent\n");
    }
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.token_requests, counters.api_calls), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_class_hint_and_exit_code() {
    let other = Fault::OtherJson;
    let says = |status, body: &str| Fault::Response {
        status,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: body.to_owned(),
    };
    let useless = r#"{"access_token":"a","token_type":"mac","expires_in":300}"#;
    let locked = r#"{"error":"invalid_grant","error_description":"the account is locked"}"#;
    let address = r#"{"error":"the IP address is not in the allowlist"}"#;
    for (fault, code, class, hint) in [
        (
            says(StatusCode::OK, useless),
            4,
            "invalid-response",
            "has no token",
        ),
        (
            says(StatusCode::BAD_REQUEST, locked),
            6,
            "account-locked",
            "unlock the account",
        ),
        (
            says(StatusCode::FORBIDDEN, address),
            8,
            "forbidden",
            "allow-listed",
        ),
        (Fault::ServerError, 3, "unavailable", "ENKASH_BASE_URL"),
        (Fault::Garbage, 9, "unresolved", "failed attempt"),
        (
            Fault::Redirect { to: None },
            7,
            "misconfigured",
            "ENKASH_BASE_URL",
        ),
        (Fault::Forbidden, 5, "rejected", "check the credentials"),
        (other, 9, "unresolved", "failed attempt"),
    ] {
        let sandbox = failing(fault).await;
        let checked = check(command(&sandbox, Dialect::Form)).await;
        let lines: Vec<&str> = checked.text.lines().collect();
        assert_eq!(checked.code, Some(code), "{}", checked.all);
        assert_eq!(lines.len(), 3, "{}", checked.text);
        assert!(lines[0].starts_with(&format!("{class}: ")), "{}", lines[0]);
        assert!(
            lines[1].starts_with("hint: ") && lines[1].contains(hint),
            "{}",
            lines[1]
        );
        assert!(
            lines[2].starts_with("note: nothing is stored"),
            "{}",
            lines[2]
        );
        assert_quiet(&checked.all, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_of_closed_account_sends_nothing() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let state = super::host::state();
    let store = format!("file:{}", state.path().join("state").display());
    for (password, code) in [("wrong", 5), ("wrong too", 5), (PASSWORD, 11)] {
        let mut command = command(&sandbox, Dialect::Form);
        command
            .env("ENKASH_TOKEN_STORE", &store)
            .env("ENKASH_PASSWORD", password);
        let checked = check(command).await;
        assert_eq!(checked.code, Some(code), "{}", checked.all);
        let names_reset = checked.text.contains("hint: check the account and");
        assert_eq!(names_reset, code == 11, "{}", checked.text);
    }
    assert_eq!(sandbox.issuer().counters().token_requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_rejection_as_strike() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut wrong = command(&sandbox, Dialect::Form);
    wrong.env("ENKASH_PASSWORD", "wrong");
    let checked = check(wrong).await;
    assert_eq!(checked.code, Some(5), "{}", checked.all);
    assert!(
        checked.text.contains("locks the account"),
        "{}",
        checked.text
    );
    assert_eq!(sandbox.issuer().counters().token_requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn check_describes_redis_and_its_errors() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut redis = RedisServer::start().await.unwrap();
    let with_redis = || {
        let mut command = command(&sandbox, Dialect::Form);
        command.env("ENKASH_TOKEN_STORE", redis.url());
        command
    };
    let checked = check(with_redis()).await;
    assert_eq!(checked.code, Some(0), "{}", checked.all);
    let mut lines = checked.text.lines();
    let store = lines.next().unwrap();
    assert!(
        store.starts_with("store: ") && store.contains("; noeviction; "),
        "{store}"
    );
    assert!(lines.next().unwrap().starts_with("granted: "));
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut evict = redis::cmd("CONFIG");
    evict.arg(&["SET", "maxmemory-policy", "allkeys-lru"]);
    evict.exec_async(&mut connection).await.unwrap();
    let checked = check(with_redis()).await;
    assert_eq!(checked.code, Some(12), "{}", checked.all);
    assert!(
        checked
            .text
            .contains("\nerror: it evicts any key (allkeys-lru)")
    );
    assert!(checked.text.contains("\ngranted: "));
    let url = redis.url();
    redis.kill().unwrap();
    let mut command = command(&sandbox, Dialect::Form);
    command.env("ENKASH_TOKEN_STORE", url);
    let checked = check(command).await;
    assert_eq!(checked.code, Some(10), "{}", checked.all);
    assert!(checked.text.starts_with("store: "), "{}", checked.text);
}

/// Starts a proxy to Redis at `url` that delays each response by 200 ms, and returns its URL.
async fn far(url: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = format!("redis://{}", listener.local_addr().unwrap());
    let server = url.trim_start_matches("redis://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_client, mut to_client) = client.into_split();
            let server = TcpStream::connect(&server).await.unwrap();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                    sleep(Duration::from_millis(200)).await;
                    let response = bytes.get(..length).unwrap_or_default();
                    // The client may be gone.
                    if to_client.write_all(response).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    far
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn check_tells_a_warning_about_redis_from_an_error() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let redis = RedisServer::start().await.unwrap();
    let mut command = command(&sandbox, Dialect::Form);
    command.env("ENKASH_TOKEN_STORE", far(&redis.url()).await);
    // No call of the store responds in time, so the token is granted without it.
    command.env("ENKASH_STORE_TIMEOUT", "50ms");
    command.env("ENKASH_ON_STORE_DOWN", "attempt");
    let checked = check(command).await;
    assert_eq!(checked.code, Some(13), "{}", checked.all);
    assert!(
        checked.text.contains("\nwarning: a call may take 50ms,"),
        "{}",
        checked.text
    );
    assert!(checked.text.contains("\ngranted: "), "{}", checked.text);
}
