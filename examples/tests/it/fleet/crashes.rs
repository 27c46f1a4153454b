//! Replicas that are killed, or stand still, in the middle of a fetch.

use std::time::Duration;

use enkash_auth_sandbox::{Issuing, Rules};
use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::replicas::{Replicas, call, until_served};
use crate::sidecar::process::Sidecar;

/// A fetch that takes so long that a replica is stopped in it, however busy the machine.
fn slow() -> Rules {
    Rules::new()
        .issuing(Issuing::Rotating)
        .delay(Duration::from_secs(3))
}

/// Lets a replica ask, without waiting for the answer.
fn ask(sidecar: &Sidecar) -> tokio::task::JoinHandle<()> {
    let address = sidecar.address();
    tokio::spawn(async move {
        let url = format!("http://{address}/api/v0/any");
        let request = http::Request::get(url).body(http_body_util::Full::default());
        // It may be killed before it answers.
        let _ = crate::sidecar::stage::client()
            .request(request.unwrap())
            .await;
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 12 s: a lease"]
async fn when_the_holder_is_killed_another_serves_after_its_lease() {
    let Some(fleet) = Replicas::new(Rules::new().issuing(Issuing::Rotating)).await else {
        return;
    };
    let (holder, other) = (fleet.start().await, fleet.start().await);
    // However late the kill comes, no answer is there before it.
    let hang = enkash_auth_sandbox::Fault::Hang.at(enkash_auth_sandbox::Endpoint::Token);
    fleet.sandbox.issuer().order(hang);
    let asking = ask(&holder);
    fleet.until_asked().await;
    holder.kill().await;
    asking.abort();
    // 12 s, where no call of the store takes longer than it may: then the flight fails, and the next
    // one waits for its pause.
    let took = until_served(&other, Duration::from_secs(30)).await;
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
    let (holder, other) = (fleet.start().await, fleet.start().await);
    let _asking = ask(&holder);
    fleet.until_asked().await;
    holder.signal("-STOP");
    until_served(&other, Duration::from_secs(20)).await;
    assert_eq!(fleet.requests(), 2);
    holder.signal("-CONT");
    until_served(&holder, Duration::from_secs(10)).await;
    // Whoever comes now finds the newer one: the server has rotated the late one, and would refuse it.
    let third = fleet.start().await;
    for sidecar in [&holder, &other, &third] {
        assert_eq!(call(sidecar).await, StatusCode::OK);
    }
    assert_eq!(fleet.sandbox.issuer().counters().api_refusals, 0);
    // A caller of the holder may have given up its fetch meanwhile and begun another.
    assert!(fleet.requests() <= 3, "{}", fleet.requests());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 17 s: a lease"]
async fn a_late_refusal_counts() {
    let Some(fleet) = Replicas::new(slow()).await else {
        return;
    };
    let mut wrong = fleet.command();
    wrong.env("ENKASH_PASSWORD", "wrong");
    let (holder, other) = (Sidecar::start(wrong).await, fleet.start().await);
    let _asking = ask(&holder);
    fleet.until_asked().await;
    holder.signal("-STOP");
    until_served(&other, Duration::from_secs(20)).await;
    assert!(
        fleet
            .reset(false)
            .await
            .contains("refused attempts: 0, possible ones: 0")
    );
    holder.signal("-CONT");
    let start = Instant::now();
    while !fleet.reset(false).await.contains("refused attempts: 1") {
        assert!(start.elapsed() < Duration::from_secs(5));
        sleep(Duration::from_millis(100)).await;
    }
    // Another fetch may have begun before that was known.
    assert!(fleet.requests() <= 3, "{}", fleet.requests());
    assert!(!fleet.is_locked());
}
