//! Failed refreshes while the cached token is still usable.

use std::time::Duration;

use enkash_auth_core::{
    Failure, FailureKind, Timestamp,
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::Life;

/// A token of 300 s after six failed refreshes: the next is due in 23 s.
fn failed_six_times() -> Life {
    let mut life = Life::fresh();
    life.pass(240.0);
    for backoff in [0.75, 1.5, 3.0, 6.0, 12.0, 0.0] {
        let pending = life.spawn();
        assert_eq!(pending.reason(), FetchReason::Refresh);
        life.fail(pending, FailureKind::InvalidResponse);
        life.pass(backoff);
    }
    life.pass(1.0);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life
}

#[test]
fn token_expiry_ends_backoff_and_restarts_it() {
    let mut life = Life::fresh();
    life.pass(285.0);
    for backoff in [0.75, 1.5, 3.0, 0.0] {
        let pending = life.spawn();
        life.fail(pending, FailureKind::InvalidResponse);
        life.pass(backoff);
    }
    // Until 296.25, except for the deadline at 294.
    assert_eq!(life.view_ends_after(), Duration::from_millis(3_750));
    life.pass(3.75);
    let (lookup, spawn) = life.lookup();
    assert!(matches!(lookup, Lookup::Pending(_)));
    assert_eq!(spawn.unwrap().reason(), FetchReason::Expired);
    for backoff in [750, 1_500] {
        let pending = life.state.pending().unwrap_or_else(|| life.spawn());
        life.fail(pending, FailureKind::InvalidResponse);
        let backoff = Duration::from_millis(backoff);
        assert_eq!(life.failed().retry_after(), Some(backoff));
        life.now = life.now + backoff;
    }
}

#[test]
fn unauthorized_token_ends_backoff() {
    let mut life = failed_six_times();
    assert!(life.state.reject(1, life.now));
    assert_eq!(life.spawn().reason(), FetchReason::Unauthorized);
}

#[test]
fn suspend_past_expiry_ends_backoff() {
    let mut life = failed_six_times();
    let later = life.now + Duration::from_secs(300);
    life.now = Timestamp::new(life.now.monotonic_nanos(), later.unix_nanos());
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn retry_after_outlasts_token_expiry() {
    let mut life = Life::fresh();
    life.pass(260.0);
    let pending = life.spawn();
    let slow_down = Failure::new(FailureKind::Unavailable, "");
    let slow_down = slow_down.with_retry_after(Duration::from_secs(60));
    life.complete(pending, FetchOutcome::Failed(slow_down));
    life.pass(34.0);
    assert_eq!(life.failed().retry_after(), Some(Duration::from_secs(26)));
    life.pass(26.0);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn quarantine_poll_outlasts_token_expiry() {
    let mut life = Life::fresh();
    life.pass(290.0);
    let pending = life.spawn();
    let closed = Failure::new(FailureKind::AccountClosed, "");
    life.complete(pending, FetchOutcome::Failed(closed));
    life.pass(5.9);
    assert_eq!(life.failed().kind(), FailureKind::AccountClosed);
    life.pass(0.1);
    life.spawn();
}

#[test]
fn success_resets_failed_refresh_count() {
    let mut life = failed_six_times();
    assert!(life.state.reject(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 300.0));
    life.pass(240.0);
    let pending = life.spawn();
    life.fail(pending, FailureKind::Unavailable);
    assert_eq!(life.view_ends_after(), Duration::from_millis(750));
}

#[test]
fn warm_cache_retries_at_end_of_backoff_or_token() {
    let life = failed_six_times();
    let at = life.state.next_refresh(life.now, &life.policy);
    // 263.25 + 1 s by now, and 23 s more of the backoff; the deadline is at 294.
    assert_eq!(at.unwrap().remaining(life.now), Duration::from_secs(23));
    let mut life = Life::fresh();
    life.pass(285.0);
    for backoff in [0.75, 1.5, 3.0, 0.0] {
        let pending = life.spawn();
        life.fail(pending, FailureKind::Unavailable);
        life.pass(backoff);
    }
    let at = life.state.next_refresh(life.now, &life.policy);
    assert_eq!(
        at.unwrap().remaining(life.now),
        Duration::from_millis(3_750)
    );
}
