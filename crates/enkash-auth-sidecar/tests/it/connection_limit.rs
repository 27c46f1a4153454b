//! More connections than the limit.

use http::StatusCode;
use tokio::net::TcpStream;

use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn connection_above_limit_gets_503_at_once() {
    rlimit::increase_nofile_limit(4_096).unwrap();
    let stage = Stage::new().await;
    let mut idle = Vec::new();
    for _ in 0..1_024 {
        idle.push(TcpStream::connect(stage.sidecar.address()).await.unwrap());
    }
    let response = stage.get("/api/v0/any").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.forwarded(), false);
    assert_eq!(response.head.headers()["retry-after"], "1");
    assert_eq!(stage.issuer().counters().api_calls, 0);

    drop(idle);
    stage.until_served(std::time::Duration::from_secs(5)).await;
    stage.assert_memory_is_bounded();
    stage.finish().await;
}
