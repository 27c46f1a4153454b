//! Fetches that fail, never complete, or complete late; the backoff after them.

use std::time::Duration;

use enkash_auth_core::{
    Failure, FailureKind, Timestamp,
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::{Life, START};

#[test]
fn wall_clock_change_ends_no_fetch_and_no_backoff() {
    let mut life = Life::new();
    let pending = life.spawn();
    let jumped = Timestamp::new(START.monotonic_nanos(), u64::MAX - 1);
    life.now = jumped;
    assert!(matches!(life.lookup(), (Lookup::Pending(joined), None) if joined == pending));
    life.now = START;
    life.fail(pending, FailureKind::Unavailable);
    life.now = jumped;
    assert_eq!(life.failed().kind(), FailureKind::Unavailable);
}

#[test]
fn backoff_doubles_up_to_max_without_overflow() {
    let mut life = Life::new();
    let mut backoffs = Vec::new();
    for _ in 0..100 {
        let pending = life.spawn();
        life.fail(pending, FailureKind::Unavailable);
        let backoff = life.failed().retry_after().unwrap();
        backoffs.push(backoff.as_millis());
        life.now = life.now + backoff;
    }
    assert_eq!(
        backoffs[..7],
        [750, 1_500, 3_000, 6_000, 12_000, 24_000, 30_000]
    );
    assert!(backoffs[7..].iter().all(|backoff| *backoff == 30_000));
}

#[test]
fn jitter_extends_backoff_by_up_to_half() {
    for (jitter, millis) in [(0.0, 500), (0.5, 625), (1.0, 750), (-1.0, 500), (7.0, 750)] {
        let mut life = Life::new();
        let pending = life.spawn();
        let failed = FetchOutcome::Failed(Failure::new(FailureKind::Unavailable, ""));
        let (number, now) = (pending.number(), life.now);
        assert!(
            life.state
                .complete(number, failed, now, jitter, &life.policy)
        );
        let backoff = life.failed().retry_after().unwrap();
        assert_eq!(backoff.as_millis(), millis, "{jitter}");
    }
}

#[test]
fn success_resets_backoff() {
    let mut life = Life::new();
    for _ in 0..2 {
        let pending = life.spawn();
        life.fail(pending, FailureKind::Unavailable);
        life.pass(10.0);
    }
    let pending = life.spawn();
    life.grant(pending, "one", 300.0);
    assert!(life.state.last_error(life.now).is_none());
    life.pass(299.0);
    let pending = life.spawn();
    life.fail(pending, FailureKind::Unavailable);
    assert_eq!(
        life.failed().retry_after().unwrap(),
        Duration::from_millis(750)
    );
}

#[test]
fn retry_after_is_honoured_up_to_max() {
    for (seconds, honoured) in [(0, 750), (2, 2_000), (86_400, 300_000)] {
        let mut life = Life::new();
        let pending = life.spawn();
        let error = Failure::new(FailureKind::Unavailable, "")
            .with_retry_after(Duration::from_secs(seconds));
        life.complete(pending, FetchOutcome::Failed(error));
        assert_eq!(
            life.failed().retry_after(),
            Some(Duration::from_millis(honoured))
        );
    }
}

#[test]
fn quarantine_polls_every_5s_with_20_percent_jitter() {
    let error = |kind| Failure::new(kind, "");
    for outcome in [
        FetchOutcome::Failed(error(FailureKind::Rejected)),
        FetchOutcome::Failed(error(FailureKind::AccountLocked)),
        // Closed until an operator opens it: there is no `retry_after`, and a poll sends nothing.
        FetchOutcome::Failed(error(FailureKind::AccountClosed)),
    ] {
        let mut life = Life::new();
        for (jitter, millis) in [(0.0, 4_000), (0.5, 5_000), (1.0, 6_000), (f64::NAN, 4_000)] {
            let number = life.spawn().number();
            let outcome = outcome.clone();
            let (now, policy) = (life.now, &life.policy);
            assert!(
                life.state
                    .complete(number, outcome.clone(), now, jitter, policy)
            );
            life.now = now + Duration::from_millis(millis - 1);
            assert_eq!(life.failed().retry_after(), None, "{outcome:?}");
            life.now = now + Duration::from_millis(millis);
        }
    }
}

#[test]
fn forbidden_backoff_is_1_to_5_min_despite_backoff_max() {
    let mut life = Life::new();
    life.policy.backoff_max = Duration::from_secs(1);
    let mut backoffs = Vec::new();
    for kind in [
        FailureKind::Unavailable,
        FailureKind::Unavailable,
        FailureKind::Forbidden,
        FailureKind::Forbidden,
        FailureKind::Forbidden,
        FailureKind::Forbidden,
        FailureKind::Unavailable,
    ] {
        let pending = life.spawn();
        life.fail(pending, kind);
        let backoff = life.failed().retry_after().unwrap();
        backoffs.push(backoff.as_millis());
        life.now = life.now + backoff;
    }
    assert_eq!(
        backoffs,
        [750, 1_000, 90_000, 180_000, 300_000, 300_000, 750],
        "each starts again after the other"
    );
    // Longer if the server sends `Retry-After`.
    let pending = life.spawn();
    let slow_down =
        Failure::new(FailureKind::Forbidden, "").with_retry_after(Duration::from_secs(400));
    life.complete(pending, FetchOutcome::Failed(slow_down));
    assert_eq!(life.failed().retry_after(), Some(Duration::from_secs(400)));
}

#[test]
fn overdue_fetch_is_abandoned_and_late_outcome_ignored() {
    let mut life = Life::new();
    let first = life.spawn();
    life.pass(8.5);
    let decision = life.state.lookup(life.now, Ok(()), &life.policy);
    let second = decision.spawn.unwrap();
    assert!(decision.abandoned);
    assert_eq!(second.number(), 2);

    assert!(!life.grant(first, "late", 300.0));
    assert!(matches!(life.lookup().0, Lookup::Pending(joined) if joined == second));
    assert!(life.grant(second, "two", 300.0));
    assert_eq!(life.served(), "two");
    assert!(!life.fail(first, FailureKind::Rejected));
    assert_eq!(life.served(), "two");
}

#[test]
fn aborted_fetch_is_replaced_without_backoff() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.complete(pending, FetchOutcome::Aborted));
    let next = life.spawn();
    life.grant(next, "one", 300.0);
    life.pass(299.0);
    life.spawn();
}

#[test]
fn consecutive_aborts_back_off_like_failures() {
    let mut life = Life::new();
    for expected in [None, Some(750), Some(1_500)] {
        let pending = life.spawn();
        life.complete(pending, FetchOutcome::Aborted);
        let error = life.state.error_at(life.now);
        let backoff = error.and_then(|error| error.retry_after());
        assert_eq!(backoff.map(|backoff| backoff.as_millis()), expected);
        life.pass(5.0);
    }
}

#[test]
fn aborted_refresh_is_followed_by_foreground_fetch() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    life.complete(pending, FetchOutcome::Aborted);
    assert!(life.state.last_error(life.now).is_none());
    assert_eq!(life.view_ends_after(), Duration::from_secs(54));
    life.pass(53.9);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life.pass(0.1);
    let pending = life.spawn();
    assert_eq!(pending.reason(), FetchReason::Expired);
    // Its completion, with any outcome, ends that.
    life.fail(pending, FailureKind::Unavailable);
    life.pass(1.0);
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 300.0));
    life.pass(240.0);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);
}

#[test]
fn refresh_aborted_after_deadline_fails_no_call() {
    let mut life = Life::fresh();
    life.pass(290.0);
    let pending = life.spawn();
    life.pass(5.0);
    life.complete(pending, FetchOutcome::Aborted);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn no_refresh_in_first_10_seconds() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 12.0));
    // The window opens after 9 s.
    assert_eq!(life.view_ends_after(), Duration::from_secs(10));
    life.pass(9.9);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    let refresh = life.state.next_refresh(life.now, &life.policy);
    let left = refresh.unwrap().remaining(life.now);
    assert_eq!(
        left,
        Duration::from_millis(100),
        "nor a refresh without traffic"
    );
    life.pass(0.1);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);

    // A token that expires within them is fetched in the foreground.
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 8.0));
    assert_eq!(life.view_ends_after(), Duration::from_millis(7_750));
    life.pass(7.75);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn wall_clock_jump_does_not_expire_view_of_fresh_token() {
    let mut life = Life::fresh();
    life.now = Timestamp::new(
        START.monotonic_nanos(),
        START.unix_nanos() + 250_000_000_000,
    );
    let pending = life.spawn();
    life.fail(pending, FailureKind::Unavailable);
    life.now = START + Duration::from_secs(60);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    assert_eq!(life.view_ends_after(), Duration::from_secs(180));
}

#[test]
fn rejected_error_has_no_retry_after() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, FailureKind::Rejected);
    assert_eq!(life.failed().retry_after(), None);
}
