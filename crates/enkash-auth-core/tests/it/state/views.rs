//! What a state reports: the next refresh, how long it has expired, counts, errors.

use std::time::Duration;

use enkash_auth_core::{
    Failure, FailureKind,
    state::{FetchOutcome, FetchReason},
};

use super::life::Life;

impl Life {
    fn next_refresh_after(&self) -> Option<Duration> {
        let at = self.state.next_refresh(self.now, &self.policy)?;
        Some(at.remaining(self.now))
    }
}

#[test]
fn warm_cache_refreshes_when_refresh_window_opens() {
    assert_eq!(Life::new().next_refresh_after(), None);
    assert_eq!(
        Life::fresh().next_refresh_after(),
        Some(Duration::from_secs(240))
    );
}

#[test]
fn warm_cache_retries_after_backoff_or_as_policy_allows() {
    let failed = |kind| FetchOutcome::Failed(Failure::new(kind, ""));
    let quarter = Duration::from_secs(900);
    for (outcome, chosen, expected) in [
        (failed(FailureKind::Unavailable), None, Some(0.75)),
        (failed(FailureKind::Rejected), None, Some(6.0)),
        (failed(FailureKind::Forbidden), None, Some(90.0)),
        (failed(FailureKind::Unresolved), None, None),
        (failed(FailureKind::Unresolved), Some(quarter), Some(900.0)),
        // The account was closed: a poll sends nothing.
        (
            FetchOutcome::Failed(Failure::new(FailureKind::AccountClosed, "")),
            None,
            Some(6.0),
        ),
    ] {
        let mut life = Life::new();
        life.policy.retry_unresolved_after = chosen;
        let pending = life.spawn();
        let shown = format!("{outcome:?}");
        life.complete(pending, outcome);
        let after = life.next_refresh_after();
        assert_eq!(after, expected.map(Duration::from_secs_f64), "{shown}");
    }
}

#[test]
fn next_refresh_is_when_pending_fetch_is_overdue() {
    let mut life = Life::new();
    for _ in 0..2 {
        let pending = life.spawn();
        assert_eq!(
            life.next_refresh_after(),
            Some(Duration::from_millis(8_500))
        );
        life.fail(pending, FailureKind::Unavailable);
        life.pass(10.0);
    }
}

#[test]
fn expired_for_counts_from_deadline_or_401() {
    let mut life = Life::new();
    assert_eq!(
        life.state.expired_for(life.now),
        None,
        "there never was one"
    );
    let mut fresh = Life::fresh();
    assert_eq!(fresh.state.expired_for(fresh.now), None);
    assert!(fresh.state.usable(fresh.now).is_some());
    fresh.pass(294.0);
    assert!(fresh.state.usable(fresh.now).is_none());
    assert_eq!(fresh.state.expired_for(fresh.now), Some(Duration::ZERO));
    fresh.pass(6.0);
    assert_eq!(
        fresh.state.expired_for(fresh.now),
        Some(Duration::from_secs(6))
    );
    // From the 401, if that came first.
    life = Life::fresh();
    life.pass(290.0);
    assert!(life.state.reject(1, life.now));
    life.pass(3.0);
    assert_eq!(
        life.state.expired_for(life.now),
        Some(Duration::from_secs(3))
    );
    life.pass(7.0);
    assert_eq!(
        life.state.expired_for(life.now),
        Some(Duration::from_secs(10))
    );
}

#[test]
fn lifetime_is_that_of_received_token() {
    assert_eq!(Life::new().state.lifetime(), None);
    let mut life = Life::fresh();
    for seconds in [0.0, 100.0, 300.0] {
        life.pass(seconds);
        assert_eq!(life.state.lifetime(), Some(Duration::from_secs(294)));
    }
}

#[test]
fn fetches_are_counted_and_last_error_is_kept() {
    let mut life = Life::new();
    assert_eq!(life.state.fetches(), 0);
    for number in 1..=3 {
        let pending = life.spawn();
        assert_eq!(life.state.fetches(), number);
        assert_eq!(life.state.pending(), Some(pending));
        life.fail(pending, FailureKind::Unavailable);
        assert_eq!(life.state.pending(), None);
        life.pass(10.0);
    }
    let error = life.state.last_error(life.now).unwrap();
    assert_eq!(error.kind(), FailureKind::Unavailable);
    assert!(
        life.state.error_at(life.now).is_none(),
        "its backoff has passed"
    );
}

#[test]
fn every_fetch_reason_has_a_name() {
    for (reason, name) in [
        (FetchReason::Initial, "initial"),
        (FetchReason::Refresh, "refresh"),
        (FetchReason::Expired, "expired"),
        (FetchReason::Unauthorized, "unauthorized"),
        (FetchReason::Forced, "forced"),
    ] {
        assert_eq!(reason.as_str(), name);
    }
}
