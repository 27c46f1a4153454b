//! One token request, in every dialect and for any number of callers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use enkash_auth_sandbox::{Issuing, Rounding, Rules, Shape};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    requests::FullResponse,
    stage::{Dialect, Stage, command, issuer, sandbox},
};

/// Makes `count` concurrent calls, and checks that all are served.
async fn serve_at_once(stage: &Stage, count: usize) {
    let (client, url) = (stage.client(), Arc::new(stage.url("/api/v0/any")));
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (client, url) = (client.clone(), Arc::clone(&url));
        calls.spawn(async move {
            let request = Request::get(&*url).body(Full::<Bytes>::default()).unwrap();
            FullResponse::read(client.request(request).await).await
        });
    }
    for response in calls.join_all().await {
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_and_shape_is_parsed() {
    for dialect in [Dialect::Form, Dialect::Json] {
        for shape in [Shape::Auto, Shape::A, Shape::B, Shape::C] {
            for envelope in [false, true] {
                let rules = Rules::new().shape(shape).envelope(envelope);
                let sandbox = sandbox(issuer(rules)).await;
                let command = command(&sandbox, dialect);
                let stage = Stage::with_command(sandbox, command).await;
                serve_at_once(&stage, 5).await;
                let case = (dialect, shape, envelope);
                assert_eq!(stage.token_requests(), 1, "{case:?}");
                stage.finish().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_cold_callers_share_one_token_request() {
    rlimit::increase_nofile_limit(4_096).unwrap();
    let stage = Stage::with_rules(Rules::new().delay(Duration::from_millis(500))).await;
    serve_at_once(&stage, 500).await;
    assert_eq!(stage.token_requests(), 1);
    assert_eq!(stage.issuer().counters().api_calls, 500);
    stage.assert_memory_is_bounded();
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_caller_disconnect_does_not_cancel_fetch() {
    let stage = Stage::with_rules(Rules::new().delay(Duration::from_secs(1))).await;
    let mut first = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\n\r\n",
        stage.sidecar.address()
    );
    first.write_all(head.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    drop(first);

    serve_at_once(&stage, 50).await;
    assert_eq!(stage.token_requests(), 1);
    assert_eq!(
        stage.issuer().counters().api_calls,
        50,
        "who left calls nothing"
    );
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 9 s"]
async fn idle_sidecar_keeps_token_warm() {
    let rules = Rules::new()
        .lifetime(Duration::from_secs(4))
        .issuing(Issuing::Rotating)
        .rounding(Rounding::Exact);
    let stage = Stage::with_rules(rules).await;
    stage.until_served().await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(9) {
        assert_eq!(stage.get("/-/ready").await.status, StatusCode::OK);
        sleep(Duration::from_millis(50)).await;
    }
    let minted = stage.issuer().counters().minted;
    assert!((3..=5).contains(&minted), "{minted} tokens in 9 s");
    assert_eq!(stage.issuer().counters().api_calls, 1);
}
