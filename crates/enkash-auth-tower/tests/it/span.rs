//! A span for each fetch, and none for a call.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault};
use tokio::time::sleep;

use crate::{
    log::Log,
    support::{Kit, call, rules},
};

/// The spans of this name that have ended.
fn spans(log: Log, name: &str) -> Vec<String> {
    let text = log.text();
    let spans = text.lines().filter_map(|line| line.split_once(" close "));
    let innermost = spans.filter_map(|(path, _)| path.rsplit_once('{'));
    let named = innermost.filter(|(path, _)| path.ends_with(name));
    named.map(|(_, fields)| fields.to_owned()).collect()
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

    let spans = spans(log, "token_fetch");
    let account = kit.endpoint("password").account();
    let [first, second] = &spans[..] else {
        panic!("{spans:?}")
    };
    for part in [
        &*format!("account={account} fetch=1 reason=\"initial\""),
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

#[tokio::test(start_paused = true)]
async fn token_request_span_has_fields_of_http_client() {
    let log = Log::start();
    let kit = Kit::new(rules(60, 50));
    let order = Fault::ServerError.at(Endpoint::Token).times(1);
    kit.issuer.order(order);
    let mut client = kit.client();
    let _ = call(&mut client).await;
    sleep(Duration::from_secs(60)).await;
    call(&mut client).await.unwrap();

    let spans = spans(log, "token_request");
    let [failed, granted] = &spans[..] else {
        panic!("{spans:?}")
    };
    let url = kit.endpoint("password").base_url().as_str().to_owned();
    for span in [failed, granted] {
        for part in [
            "otel.kind=\"client\"",
            "http.request.method=\"POST\"",
            &format!("url.full={url}/oauth/token"),
            "server.address=\"",
            "server.port=",
        ] {
            assert!(span.contains(part), "{part} in {span}");
        }
    }
    assert!(
        failed.contains("http.response.status_code=500 error.type=\"500\""),
        "{failed}"
    );
    assert!(
        granted.contains("http.response.status_code=200"),
        "{granted}"
    );
    assert!(!granted.contains("error.type"), "{granted}");
}
