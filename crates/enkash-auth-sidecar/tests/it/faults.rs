//! A token server with every fault.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault, Rules};
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    requests::FullResponse,
    stage::{Stage, issuer},
};

/// Checks from a cold start: a response in time, little memory, few token requests, and recovery.
async fn endure(fault: Fault) {
    let issuer = issuer(Rules::new());
    issuer.order(
        fault
            .clone()
            .at(Endpoint::Token)
            .lasting(Duration::from_secs(60)),
    );
    let mut stage = Stage::with_issuer(issuer).await;

    let start = Instant::now();
    let response = stage.get("/api/v0/any").await;
    let took = start.elapsed();
    let requests = stage.token_requests();
    stage.issuer().cancel_orders();
    assert!(
        (502..=504).contains(&response.status.as_u16()),
        "{fault:?}: {response:?}"
    );
    assert_eq!(response.forwarded(), Value::Bool(false), "{fault:?}");
    assert!(took < Duration::from_secs(20), "{fault:?}: {took:?}");
    assert!(requests <= 6, "{fault:?}: {requests} token requests");
    assert_eq!(stage.issuer().counters().redirects_followed, 0, "{fault:?}");

    assert!(stage.sidecar.is_running(), "{fault:?}");
    assert_eq!(
        stage.get("/-/live").await.status,
        StatusCode::OK,
        "{fault:?}"
    );
    let recovery = stage.until_served().await;
    assert_eq!(
        stage.get("/-/ready").await.status,
        StatusCode::OK,
        "{fault:?}"
    );
    stage.assert_memory_is_bounded();
    println!(
        "{fault:?}: {} after {took:?}, {requests} token requests, {} KiB, well after {recovery:?}",
        response.status,
        stage.sidecar.peak_memory().unwrap_or_default() / 1024,
    );
    stage.finish().await;
}

/// Runs all faults concurrently, each on a separate stage.
async fn endure_all(faults: impl IntoIterator<Item = Fault>) {
    let mut enduring = JoinSet::new();
    for fault in faults {
        enduring.spawn(endure(fault));
    }
    enduring.join_all().await;
}

fn page(status: StatusCode) -> Fault {
    Fault::Page { status }
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecar_recovers_from_each_fault() {
    endure_all([
        Fault::CloseBeforeReading,
        Fault::CloseAfterReading,
        Fault::HalfResponse,
        page(StatusCode::FORBIDDEN),
        page(StatusCode::SERVICE_UNAVAILABLE),
        Fault::ServerError,
        Fault::TooManyRequests {
            retry_after: Some(Duration::from_secs(2)),
        },
        Fault::TooManyRequests { retry_after: None },
        Fault::Garbage,
        Fault::Empty,
        Fault::Huge,
        Fault::Redirect { to: None },
        Fault::OtherJson,
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 10 s"]
async fn sidecar_recovers_from_each_slow_fault() {
    let by = Duration::from_secs(30);
    endure_all([Fault::Hang, Fault::Delay { by }]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_failed_fetches_fail_no_call() {
    let issuer = issuer(Rules::new());
    let busy = Fault::TooManyRequests { retry_after: None };
    issuer.order(busy.at(Endpoint::Token).times(2));
    let stage = Stage::with_issuer(issuer).await;
    let start = Instant::now();
    assert_eq!(stage.get("/api/v0/any").await.status, StatusCode::OK);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(stage.token_requests(), 3);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 7 s"]
async fn forty_looping_callers_cause_no_token_storm() {
    let issuer = issuer(Rules::new());
    issuer.set_outage(true);
    let stage = Stage::with_issuer(issuer).await;
    let end = Instant::now() + Duration::from_secs(5);
    let mut callers = JoinSet::new();
    for _ in 0..40 {
        let (client, url) = (stage.client(), stage.url("/api/v0/any"));
        callers.spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                let request = Request::get(&url).body(Default::default()).unwrap();
                let response = FullResponse::read(client.request(request).await).await;
                assert_eq!(response.forwarded(), Value::Bool(false));
                calls += 1;
                sleep(Duration::from_millis(10)).await;
            }
            calls
        });
    }
    let calls: u32 = callers.join_all().await.into_iter().sum();
    stage.issuer().set_outage(false);
    let recovery = stage.until_served().await;
    let requests = stage.token_requests();
    println!("{calls} calls, {requests} token requests, well after {recovery:?}");
    assert!(requests <= 12, "{requests} token requests");
    stage.finish().await;
}
