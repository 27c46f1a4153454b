//! Many concurrent callers.

use std::time::Duration;

use enkash_auth_tower::ErrorKind;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::support::{Kit, call, rules};

#[tokio::test(start_paused = true)]
async fn ten_thousand_cold_callers_share_one_fetch() {
    let kit = Kit::new(rules(300, 50));
    let client = kit.client();
    let mut callers = JoinSet::new();
    for _ in 0..10_000 {
        let mut client = client.clone();
        callers.spawn(async move { call(&mut client).await.unwrap() });
    }
    let started = Instant::now();
    let statuses = callers.join_all().await;

    assert_eq!(statuses, vec![200; 10_000]);
    assert_eq!(kit.issuer.counters().token_requests, 1);
    assert!(
        started.elapsed() < Duration::from_millis(60),
        "all served by the same fetch"
    );
    assert_eq!(kit.tokens.status().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_share_one_failed_fetch() {
    let kit = Kit::new(rules(300, 50));
    kit.issuer.set_outage(true);
    let mut callers = JoinSet::new();
    for _ in 0..10_000 {
        let tokens = kit.tokens.clone();
        callers.spawn(async move { tokens.token().await.unwrap_err() });
    }
    let errors = callers.join_all().await;

    assert_eq!(errors.len(), 10_000);
    assert!(
        errors
            .iter()
            .all(|error| error.kind() == ErrorKind::Unavailable)
    );
    let status = kit.tokens.status();
    assert_eq!(
        (status.fetches(), status.token_requests()),
        (1, 3),
        "one fetch of three attempts"
    );
    assert_eq!(status.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn failure_is_cached_while_a_thousand_callers_retry() {
    let kit = Kit::new(rules(300, 5));
    kit.issuer.set_outage(true);
    let end = Instant::now() + Duration::from_secs(5);
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let tokens = kit.tokens.clone();
        callers.spawn(async move {
            while Instant::now() < end {
                let error = tokens.token().await.unwrap_err();
                assert!(error.is_transient());
                sleep(Duration::from_millis(10)).await;
            }
        });
    }
    callers.join_all().await;

    // Each fetch takes 0.7 s; the backoff after it is at least 0.5, 1, 2 s.
    let fetches = kit.tokens.status().fetches();
    assert!((2..=4).contains(&fetches), "{fetches} fetches");
}

#[tokio::test(start_paused = true)]
async fn cached_failure_reports_retry_after() {
    let kit = Kit::new(rules(300, 5));
    kit.issuer.set_outage(true);
    kit.tokens.token().await.unwrap_err();
    let error = kit.tokens.token().await.unwrap_err();
    let after = error.retry_after().unwrap();
    assert!(
        (Duration::from_millis(480)..Duration::from_millis(760)).contains(&after),
        "{after:?}"
    );

    kit.issuer.set_outage(false);
    sleep(after).await;
    kit.tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn callers_that_timed_out_are_served_once_fetch_completes() {
    let kit = Kit::new(rules(300, 50));
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..100_u64 {
        let tokens = kit.tokens.clone();
        callers.spawn(async move {
            sleep(Duration::from_millis(caller % 10)).await;
            let (mut early, mut late) = (0, 0);
            while started.elapsed() < Duration::from_secs(1) {
                let asked = started.elapsed();
                let result = timeout(Duration::from_millis(30), tokens.token()).await;
                match result {
                    Ok(token) => drop(token.unwrap()),
                    Err(_) if asked < Duration::from_millis(60) => early += 1,
                    Err(_) => late += 1,
                }
                sleep(Duration::from_millis(10)).await;
            }
            (early, late)
        });
    }
    let outcomes = callers.join_all().await;

    assert!(
        outcomes.iter().all(|(_, late)| *late == 0),
        "no caller fails once it has completed"
    );
    assert!(
        outcomes.iter().any(|(early, _)| *early > 0),
        "some timed out before"
    );
    assert_eq!(kit.issuer.counters().token_requests, 1);
}
