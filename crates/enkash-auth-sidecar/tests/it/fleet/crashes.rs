//! Replicas that are killed or stopped during a fetch.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault, Issuing, Rules};
use http::StatusCode;

use super::replicas::Replicas;
use crate::requests::{call, until_served};

/// Rules for a fetch long enough to stop a replica during it, even on a busy machine.
fn slow() -> Rules {
    Rules::new()
        .issuing(Issuing::Rotating)
        .delay(Duration::from_secs(3))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 12 s: a lease"]
async fn killed_owner_is_replaced_after_its_lease() {
    let fleet = Replicas::new(Rules::new().issuing(Issuing::Rotating)).await;
    // No response arrives before the kill, however late it is.
    let hang = Fault::Hang.at(Endpoint::Token);
    fleet.sandbox.issuer().order(hang);
    // It fetches a token at its start.
    let holder = fleet.start().await;
    fleet.until_token_request().await;
    let other = fleet.start().await;
    holder.kill().await;
    let took = until_served(&other).await;
    println!("served {took:?} after the kill");
    assert!(took > Duration::from_secs(5), "the lease was on: {took:?}");
    assert_eq!(fleet.requests(), 2);
    assert!(!fleet.is_locked());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 17 s: a lease"]
async fn late_token_does_not_replace_newer_token() {
    let fleet = Replicas::new(slow()).await;
    let holder = fleet.start().await;
    fleet.until_token_request().await;
    holder.signal("-STOP");
    let other = fleet.start().await;
    until_served(&other).await;
    assert_eq!(fleet.requests(), 2);
    holder.signal("-CONT");
    until_served(&holder).await;
    // A new replica finds the newer token: the server has rotated the late one, and would not accept it.
    let third = fleet.start().await;
    for sidecar in [&holder, &other, &third] {
        assert_eq!(call(sidecar).await.status, StatusCode::OK);
    }
    assert_eq!(fleet.sandbox.issuer().counters().api_unauthorized, 0);
    // The holder may have timed out its fetch and started another.
    assert!(fleet.requests() <= 3, "{}", fleet.requests());
}
