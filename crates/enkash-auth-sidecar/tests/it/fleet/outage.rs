//! A Redis outage while requests are served.

use std::time::Duration;

use enkash_auth_sandbox::{Issuing, Rules};
use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::replicas::Replicas;
use crate::requests::{call, get};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 25 s: four lifetimes of a token"]
async fn redis_outage_over_two_expiries_fails_no_call() {
    let rules = Rules::new()
        .lifetime(Duration::from_secs(6))
        .issuing(Issuing::Rotating);
    let mut fleet = Replicas::new(rules).await;
    let replicas = [
        fleet.start().await,
        fleet.start().await,
        fleet.start().await,
    ];
    let load = async |span: Duration| {
        let start = Instant::now();
        while start.elapsed() < span {
            for sidecar in &replicas {
                assert_eq!(
                    call(sidecar).await.status,
                    StatusCode::OK,
                    "{:?}",
                    start.elapsed()
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    load(Duration::from_secs(2)).await;
    fleet.redis.kill().unwrap();
    load(Duration::from_secs(13)).await;
    for sidecar in &replicas {
        let requests = get(sidecar, "/-/status").await.json()["token_requests"]
            .as_u64()
            .unwrap();
        assert!(requests <= 8, "{requests}");
    }
    // Redis is back, and empty: the replicas converge on one token.
    fleet.redis.restart().await.unwrap();
    load(Duration::from_secs(6)).await;
    let before = fleet.requests();
    load(Duration::from_secs(6)).await;
    let more = fleet.requests() - before;
    assert!((1..=2).contains(&more), "{more}");
}
