//! Renewals that fail behind a token that is good: nobody goes without, until that is over.

use std::time::Duration;

use enkash_auth_core::{
    Error, ErrorKind, Timestamp,
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::Life;

/// A token of 300 s, and six renewals that failed: the next is not due before 23 s have passed.
fn failed_six_times() -> Life {
    let mut life = Life::fresh();
    life.pass(240.0);
    for pause in [0.75, 1.5, 3.0, 6.0, 12.0, 0.0] {
        let pending = life.spawn();
        assert_eq!(pending.reason(), FetchReason::Refresh);
        life.fail(pending, ErrorKind::InvalidResponse);
        life.pass(pause);
    }
    life.pass(1.0);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life
}

#[test]
fn the_pause_ends_with_the_token_and_those_of_who_goes_without_begin_anew() {
    let mut life = Life::fresh();
    life.pass(285.0);
    for pause in [0.75, 1.5, 3.0, 0.0] {
        let pending = life.spawn();
        life.fail(pending, ErrorKind::InvalidResponse);
        life.pass(pause);
    }
    // Until 296.25, but for the deadline at 294.
    assert_eq!(life.view_ends_after(), Duration::from_millis(3_750));
    life.pass(3.75);
    let (lookup, spawn) = life.lookup();
    assert!(matches!(lookup, Lookup::Pending(_)));
    assert_eq!(spawn.unwrap().reason(), FetchReason::Expired);
    for pause in [750, 1_500] {
        let pending = life.state.pending().unwrap_or_else(|| life.spawn());
        life.fail(pending, ErrorKind::InvalidResponse);
        let pause = Duration::from_millis(pause);
        assert_eq!(life.failed().retry_after(), Some(pause));
        life.now = life.now + pause;
    }
}

#[test]
fn a_refusal_of_the_token_ends_it() {
    let mut life = failed_six_times();
    assert!(life.state.unauthorized(1, life.now));
    assert_eq!(life.spawn().reason(), FetchReason::Unauthorized);
}

#[test]
fn so_does_a_suspend_that_the_token_does_not_survive() {
    let mut life = failed_six_times();
    let later = life.now + Duration::from_secs(300);
    life.now = Timestamp::new(life.now.monotonic_nanos(), later.unix_nanos());
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn what_the_server_said_is_kept() {
    let mut life = Life::fresh();
    life.pass(260.0);
    let pending = life.spawn();
    let slow_down = Error::new(ErrorKind::Unavailable, "");
    let slow_down = slow_down.with_retry_after(Duration::from_secs(60));
    life.complete(pending, FetchOutcome::Failed(slow_down));
    life.pass(34.0);
    assert_eq!(life.failed().retry_after(), Some(Duration::from_secs(26)));
    life.pass(26.0);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn a_quarantine_is_looked_at_as_often_as_any() {
    let mut life = Life::fresh();
    life.pass(290.0);
    let pending = life.spawn();
    let closed = Error::new(ErrorKind::AccountClosed, "");
    life.complete(pending, FetchOutcome::Failed(closed));
    life.pass(5.9);
    assert_eq!(life.failed().kind(), ErrorKind::AccountClosed);
    life.pass(0.1);
    life.spawn();
}

#[test]
fn a_success_forgets_them() {
    let mut life = failed_six_times();
    assert!(life.state.unauthorized(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 300.0));
    life.pass(240.0);
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Unavailable);
    assert_eq!(life.view_ends_after(), Duration::from_millis(750));
}

#[test]
fn a_cache_that_is_kept_warm_asks_when_the_token_is_over() {
    let life = failed_six_times();
    let at = life.state.next_refresh(life.now, &life.policy);
    // 263.25 + 1 s by now, and 23 s more of the pause; the deadline is at 294.
    assert_eq!(at.unwrap().remaining(life.now), Duration::from_secs(23));
    let mut life = Life::fresh();
    life.pass(285.0);
    for pause in [0.75, 1.5, 3.0, 0.0] {
        let pending = life.spawn();
        life.fail(pending, ErrorKind::Unavailable);
        life.pass(pause);
    }
    let at = life.state.next_refresh(life.now, &life.policy);
    assert_eq!(
        at.unwrap().remaining(life.now),
        Duration::from_millis(3_750)
    );
}
