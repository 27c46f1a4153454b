//! The program `quickstart`, run as a process.

use std::process::{Command, Output};

use enkash_auth_sandbox::{Issuer, Rejections, Rules, Sandbox};

fn quickstart() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ENKASH_") {
            command.env_remove(name);
        }
    }
    command
}

fn live(base: &str) -> Command {
    let mut command = quickstart();
    command
        .arg("--live")
        .env("ENKASH_BASE_URL", base)
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", "client-secret")
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", "password")
        .env("ENKASH_TOKEN_STORE", "memory");
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "runs for some 18 s"]
fn cold_start_makes_one_token_request_and_fails_no_call() {
    let output = quickstart().output().unwrap();
    let (table, errors) = (stdout(&output), stderr(&output));
    assert!(output.status.success(), "{table}{errors}");
    assert_eq!(errors, "", "quiet when nobody looks");

    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        // The phase has several words; the columns after it are calls, failures, token requests and
        // the slowest call with its unit.
        .map(|line| line.split_whitespace().rev().collect())
        .collect();
    let [cold, expiries, outage] = rows.as_slice() else {
        panic!("three phases: {table}");
    };
    assert_eq!(cold[2..5], ["1", "0", "1000"]);
    assert_eq!(expiries[2..4], ["2", "0"]);
    assert_eq!(outage[2..4], ["4", "0"]);
}

#[tokio::test]
async fn live_requests_one_token_and_calls_no_api() {
    let sandbox = Sandbox::start().await.unwrap();
    let output = run(live(&sandbox.base_url())).await;
    let text = stdout(&output);
    assert!(output.status.success(), "{text}{}", stderr(&output));
    assert!(
        text.contains("20 tasks asked: 20 served, 0 failed"),
        "{text}"
    );
    assert!(text.contains("token requests: 1"), "{text}");

    let counters = sandbox.issuer().counters();
    assert_eq!((counters.token_requests, counters.api_calls), (1, 0));
}

#[tokio::test]
async fn live_stops_after_one_rejection() {
    for rejections in [Rejections::ByStatus, Rejections::InBody] {
        let rules = Rules::new().rejections(rejections);
        let issuer = Issuer::builder().rules(rules).build();
        let sandbox = Sandbox::builder().issuer(issuer).start().await.unwrap();
        let mut command = live(&sandbox.base_url());
        command.env("ENKASH_PASSWORD", "hunter2");
        let output = run(command).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("quickstart: credentials rejected"));
        assert!(!(stdout(&output) + &stderr(&output)).contains("hunter2"));
        assert_eq!(sandbox.issuer().counters().token_requests, 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn live_sends_wrong_password_once_across_runs() {
    let sandbox = Sandbox::start().await.unwrap();
    let kept = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut command = live(&sandbox.base_url());
        command.env("ENKASH_PASSWORD", "wrong");
        command.env(
            "ENKASH_TOKEN_STORE",
            format!("file:{}", kept.path().display()),
        );
        let output = run(command).await;
        assert!(stderr(&output).starts_with("quickstart: credentials rejected"));
    }
    assert_eq!(sandbox.issuer().counters().token_requests, 1);
}

#[test]
fn live_names_missing_variable() {
    let mut command = live("http://127.0.0.1:9");
    let output = command.env("ENKASH_PASSWORD", " ").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "quickstart: ENKASH_PASSWORD: not set\n");
}
