//! SIGTERM.
#![cfg(unix)]

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_sandbox::{Endpoint, Fault, Rules};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{
    requests::{FullResponse, until_served},
    stage::{Dialect, Stage, assert_quiet, command, issuer, sandbox},
};

/// Sends SIGTERM to the sidecar while a call with this fault is in flight.
async fn stop_during(stage: Stage, delay: Fault) -> (Option<FullResponse>, Duration, Option<i32>) {
    stage.until_served().await;
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
        assert!(start.elapsed() < Duration::from_secs(10), "still accepts");
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
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(code, Some(0));
}

/// Returns a stage that has a token.
async fn stage(args: &[&str]) -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(args);
    let stage = Stage::with_command(sandbox, command).await;
    until_served(&stage.sidecar).await;
    stage
}

async fn until_not_accepting(stage: &Stage) {
    while TcpStream::connect(stage.sidecar.address()).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Starts a call that the upstream does not end.
async fn hang(stage: &Stage) {
    let calls = stage.issuer().counters().api_calls;
    stage.issuer().order(Fault::Hang.at(Endpoint::Api));
    let request = Request::get(stage.url("/hang")).body(Full::<Bytes>::default());
    tokio::spawn(stage.client().request(request.unwrap()));
    while stage.issuer().counters().api_calls == calls {
        sleep(Duration::from_millis(5)).await;
    }
}

async fn exit_code(stage: Stage) -> Option<i32> {
    let ends = timeout(Duration::from_secs(20), stage.sidecar.wait());
    ends.await.unwrap().0.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_drain_at_once() {
    for second in ["-TERM", "-INT"] {
        let stage = stage(&["--drain-timeout", "1h"]).await;
        hang(&stage).await;
        stage.sidecar.terminate();
        until_not_accepting(&stage).await;
        stage.sidecar.signal(second);
        assert_eq!(exit_code(stage).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_pre_stop_delay() {
    let stage = stage(&["--pre-stop-delay", "1h"]).await;
    stage.sidecar.terminate();
    while stage.get("/-/ready").await.status == StatusCode::OK {
        sleep(Duration::from_millis(5)).await;
    }
    stage.sidecar.terminate();
    assert_eq!(exit_code(stage).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_timeout_aborts_hanging_call() {
    let stage = stage(&["--drain-timeout", "200ms"]).await;
    hang(&stage).await;
    stage.sidecar.terminate();
    assert_eq!(exit_code(stage).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pre_stop_delay_serves_on_unready() {
    let stage = stage(&["--pre-stop-delay", "1h", "--admin", "127.0.0.1:0"]).await;
    stage.sidecar.terminate();
    let ready = format!("http://{}/-/ready", stage.sidecar.admin());
    loop {
        let request = Request::get(&ready).body(Full::default()).unwrap();
        let ready = stage.send(request).await;
        if ready.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(ready.json()["state"], "stopping");
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    // On a new connection.
    until_served(&stage.sidecar).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_begun_before_stop_is_served_and_closes() {
    let stage = stage(&[]).await;
    let address = stage.sidecar.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let start = format!("GET /a HTTP/1.1\r\nHost: {address}\r\n");
    stream.write_all(start.as_bytes()).await.unwrap();
    hang(&stage).await;
    stage.sidecar.terminate();
    until_not_accepting(&stage).await;
    stream.write_all(b"\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.contains("connection: close\r\n"), "{response}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connection_is_closed_after_stop() {
    let stage = stage(&["--drain-timeout", "1h"]).await;
    let _idle = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    // Kept by the client.
    assert_eq!(stage.get("/a").await.status, StatusCode::OK);
    stage.sidecar.terminate();
    assert_eq!(exit_code(stage).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 30 s"]
async fn sigterm_aborts_hanging_call_after_thirty_seconds() {
    let (response, took, code) = stop_during(Stage::new().await, Fault::Hang).await;
    assert!(response.is_none_or(|response| response.status == StatusCode::GATEWAY_TIMEOUT));
    assert!((29.0..45.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(code, Some(0));
}
