//! A wrong password.

use std::time::Duration;

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use serde_json::Value;
use tokio::time::interval;

use super::stage::{Dialect, Stage, assert_quiet, command, issuer, sandbox};

const WRONG: &str = "wrong-Ie3rV9cGh6";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_sent_once_across_calls() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.env("ENKASH_PASSWORD", WRONG);
    let stage = Stage::with_command(sandbox, command).await;

    // 100 calls over three seconds.
    let mut pace = interval(Duration::from_millis(30));
    for _ in 0..100 {
        pace.tick().await;
        let response = stage.get("/api/v0/any").await;
        assert_eq!(response.status, StatusCode::BAD_GATEWAY);
        assert_eq!(response.forwarded(), Value::Bool(false));
        assert_eq!(response.json()["class"], "rejected");
    }

    let ready = stage.get("/-/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    let report = ready.json();
    assert_eq!(
        (&report["state"], &report["strikes"]),
        (&"closed".into(), &1.into())
    );
    assert_eq!(stage.get("/-/live").await.status, StatusCode::OK);
    assert_eq!(stage.token_requests(), 1);
    assert_eq!(stage.issuer().counters().api_calls, 0);
    let accounts = stage.issuer().account_statuses();
    let user = accounts.iter().find(|account| account.name.contains('@'));
    assert!(!user.unwrap().locked);

    let tokens = stage.tokens().await;
    let output = stage.sidecar.kill().await;
    assert!(!output.contains(WRONG) && !output.contains(&WRONG.replace('-', "%2D")));
    assert_quiet(&output, &tokens);
}
