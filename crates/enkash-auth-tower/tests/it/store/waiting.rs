//! Processes that wait for another one's attempt: when they look at the record.

use std::time::Duration;

use enkash_auth_tower::ErrorKind;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{Fleet, flaky::Flaky, strikes};
use crate::support::{Kit, credentials, rules};

const PROCESSES: u32 = 50;

/// Starts an attempt whose owner stops at once. Its lease is 14 s.
async fn stopped() -> Fleet<Flaky> {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Flaky::default());
    let right = credentials(&fleet.kit.user, "password");
    let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
    fleet
}

#[tokio::test(start_paused = true)]
async fn waiting_fetch_begins_when_the_lease_has_passed() {
    for from in [10_100, 11_000, 12_000, 13_900] {
        let (fleet, start) = (stopped().await, Instant::now());
        let tokens = fleet.start("password");
        // Counts the lease from when it is seen.
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        sleep_until(start + Duration::from_millis(from)).await;
        tokens.token().await.unwrap();
        let took = start.elapsed();
        assert!(took < Duration::from_millis(15_100), "{from}: {took:?}");
        assert_eq!((fleet.requests(), strikes(&tokens)), (1, (0, 0)));
    }
}

/// A process that calls while an attempt is well under way is not the last to have its token.
#[tokio::test(start_paused = true)]
async fn late_caller_finds_the_token_soon() {
    let fleet = Fleet::new(Kit::new(rules(300, 2_500)), Flaky::default());
    let (one, two) = (fleet.start("password"), fleet.start("password"));
    let first = tokio::spawn(one.token());
    sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    two.token().await.unwrap();
    let took = start.elapsed();
    assert!(took < Duration::from_millis(1_300), "{took:?}");
    first.await.unwrap().unwrap();
    assert_eq!(fleet.requests(), 1);
}

/// Starts processes, whose callers repeat each call that fails, from then on if they have waited once. Returns the loads
/// in each second of the first 20, and when the last call has succeeded.
async fn loads(fleet: &Fleet<Flaky>, from: Duration) -> (Vec<u32>, Duration) {
    let start = Instant::now();
    let mut calling = JoinSet::new();
    for _ in 0..PROCESSES {
        let tokens = fleet.start("password");
        calling.spawn(async move {
            while let Err(error) = tokens.token().await {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                sleep(error.retry_after().unwrap_or_default()).await;
                sleep_until(start + from).await;
            }
            start.elapsed()
        });
    }
    let mut counts = Vec::new();
    for second in 0..=20 {
        sleep_until(start + Duration::from_secs(second)).await;
        counts.push(fleet.store.loads());
    }
    let ends = calling.join_all().await;
    let each = counts
        .windows(2)
        .map(|two| two.last().unwrap() - two.first().unwrap())
        .collect();
    (each, ends.into_iter().max().unwrap_or_default())
}

/// Also in the fetches that follow the first one.
#[tokio::test(start_paused = true)]
async fn waiting_processes_poll_less_and_less_often() {
    let fleet = stopped().await;
    let (each, _) = loads(&fleet, Duration::ZERO).await;
    // The second fetch begins after 8.5 s. Each polls at its begin, and just before its end.
    let late: u32 = each.iter().skip(3).take(13).sum();
    assert_eq!(late, 2 * PROCESSES, "{each:?}");
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempt_after_a_lease_is_shared_by_all_that_waited() {
    let fleet = stopped().await;
    let (_, took) = loads(&fleet, Duration::from_secs(11)).await;
    assert!(took < Duration::from_millis(15_500), "{took:?}");
    assert_eq!(fleet.requests(), 1);
}
