//! A span for each fetch, and none for a call.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault};
use tokio::time::sleep;

use crate::{
    log::Log,
    support::{Kit, call, rules},
};

/// The spans that have ended.
fn spans(log: Log) -> Vec<String> {
    let text = log.text();
    let ended = text.lines().filter(|line| line.contains(" close "));
    ended.map(ToOwned::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn fetch_span_records_reason_and_outcome() {
    let log = Log::start();
    let kit = Kit::new(rules(60, 50));
    let mut client = kit.client();
    for _ in 0..100 {
        call(&mut client).await.unwrap();
    }
    kit.issuer
        .order(Fault::ServerError.at(Endpoint::Token).times(3));
    sleep(Duration::from_secs(60)).await;
    call(&mut client).await.unwrap_err();
    sleep(Duration::from_secs(1)).await;

    let spans = spans(log);
    let account = kit.endpoint("password").account();
    let [first, second] = &spans[..] else {
        panic!("{spans:?}")
    };
    for part in [
        &*format!("token_fetch{{account={account} fetch=1 reason=\"initial\""),
        "outcome=\"granted\"",
        "generation=1",
        "duration_ms=50",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    for part in [
        "reason=\"expired\"",
        "outcome=\"unavailable\"",
        "generation=1",
        "duration_ms=700",
    ] {
        assert!(second.contains(part), "{part} in {second}");
    }
}
