//! Replicas that are killed, or stand still, in the middle of a fetch.

use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault, Issuing, Rules};
use http::StatusCode;

use super::replicas::Replicas;
use crate::sidecar::ask::{call, until_served};

/// A fetch that takes so long that a replica is stopped in it, however busy the machine.
fn slow() -> Rules {
    Rules::new()
        .issuing(Issuing::Rotating)
        .delay(Duration::from_secs(3))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 12 s: a lease"]
async fn killed_owner_is_followed_after_its_lease() {
    let Some(fleet) = Replicas::new(Rules::new().issuing(Issuing::Rotating)).await else {
        return;
    };
    // However late the kill comes, no answer is there before it.
    let hang = Fault::Hang.at(Endpoint::Token);
    fleet.sandbox.issuer().order(hang);
    // It asks by itself.
    let holder = fleet.start().await;
    fleet.until_asked().await;
    let other = fleet.start().await;
    holder.kill().await;
    let took = until_served(&other, Duration::from_secs(60)).await;
    assert!(took > Duration::from_secs(5), "the lease was on: {took:?}");
    assert_eq!(fleet.requests(), 2);
    assert!(!fleet.is_locked());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 17 s: a lease"]
async fn a_late_token_does_not_displace_the_newer_one() {
    let Some(fleet) = Replicas::new(slow()).await else {
        return;
    };
    let holder = fleet.start().await;
    fleet.until_asked().await;
    holder.signal("-STOP");
    let other = fleet.start().await;
    until_served(&other, Duration::from_secs(60)).await;
    assert_eq!(fleet.requests(), 2);
    holder.signal("-CONT");
    until_served(&holder, Duration::from_secs(60)).await;
    // Whoever comes now finds the newer one: the server has rotated the late one, and would refuse it.
    let third = fleet.start().await;
    for sidecar in [&holder, &other, &third] {
        assert_eq!(call(sidecar).await.status, StatusCode::OK);
    }
    assert_eq!(fleet.sandbox.issuer().counters().api_refusals, 0);
    // A caller of the holder may have given up its fetch meanwhile and begun another.
    assert!(fleet.requests() <= 3, "{}", fleet.requests());
}
