//! `enkash-sidecar check`: its output and exit codes.

use std::process::Command;

use enkash_auth_sandbox::{Endpoint, Fault, Rules, Sandbox};

use super::stage::{Dialect, assert_quiet, command, issuer, sandbox};

pub(super) struct Checked {
    pub(super) code: Option<i32>,
    /// The standard output.
    pub(super) text: String,
    /// The standard output and the log.
    pub(super) all: String,
}

pub(super) async fn check(mut command: Command) -> Checked {
    command.arg("check");
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

#[tokio::test(flavor = "multi_thread")]
async fn check_prints_class_hint_and_exit_code() {
    let other = Fault::OtherJson;
    for (fault, code, class, hint) in [
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
