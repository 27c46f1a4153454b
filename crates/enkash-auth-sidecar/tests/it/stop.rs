//! SIGTERM.
#![cfg(unix)]

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_sandbox::{Endpoint, Fault};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{
    requests::FullResponse,
    stage::{Stage, assert_quiet},
};

/// Sends SIGTERM to the sidecar while a call with this fault is in flight.
async fn stop_during(stage: Stage, delay: Fault) -> (Option<FullResponse>, Duration, Option<i32>) {
    stage.until_served(Duration::from_secs(5)).await;
    let calls = stage.issuer().counters().api_calls;
    stage.issuer().order(delay.at(Endpoint::Api));
    let request = Request::get(stage.url("/api/v0/slow"))
        .body(Full::<Bytes>::default())
        .unwrap();
    let call = tokio::spawn(stage.client().request(request));
    while stage.issuer().counters().api_calls == calls {
        sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    stage.sidecar.terminate();
    while TcpStream::connect(stage.sidecar.address()).await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(1), "still accepts");
        sleep(Duration::from_millis(5)).await;
    }
    let response = match call.await.unwrap() {
        Ok(response) => Some(FullResponse::read(Ok(response)).await),
        Err(_) => None,
    };
    let tokens = stage.tokens().await;
    let (status, output) = stage.sidecar.wait().await;
    assert_quiet(&output, &tokens);
    (response, start.elapsed(), status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_in_flight_call() {
    let by = Duration::from_millis(700);
    let (response, took, code) = stop_during(Stage::new().await, Fault::Delay { by }).await;
    assert_eq!(response.unwrap().status, StatusCode::OK);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 30 s"]
async fn sigterm_aborts_hanging_call_after_thirty_seconds() {
    let (response, took, code) = stop_during(Stage::new().await, Fault::Hang).await;
    assert!(response.is_none_or(|response| response.status == StatusCode::GATEWAY_TIMEOUT));
    assert!((29.0..33.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(code, Some(0));
}
