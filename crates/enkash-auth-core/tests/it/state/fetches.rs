//! Flights that fail, never land, or land late; the pauses after them.

use std::time::Duration;

use enkash_auth_core::{
    Error, ErrorKind, Timestamp,
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::{Life, START};

#[test]
fn setting_the_wall_clock_ends_no_flight_and_no_pause() {
    let mut life = Life::new();
    let pending = life.spawn();
    let forth = Timestamp::new(START.monotonic_nanos(), u64::MAX - 1);
    life.now = forth;
    assert!(matches!(life.lookup(), (Lookup::Pending(joined), None) if joined == pending));
    life.now = START;
    life.fail(pending, ErrorKind::Unavailable);
    life.now = forth;
    assert_eq!(life.failed().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_pause_doubles_up_to_its_bound_and_never_overflows() {
    let mut life = Life::new();
    let mut pauses = Vec::new();
    for _ in 0..100 {
        let pending = life.spawn();
        life.fail(pending, ErrorKind::Unavailable);
        let pause = life.failed().retry_after().unwrap();
        pauses.push(pause.as_millis());
        life.now = life.now + pause;
    }
    assert_eq!(
        pauses[..7],
        [750, 1_500, 3_000, 6_000, 12_000, 24_000, 30_000]
    );
    assert!(pauses[7..].iter().all(|pause| *pause == 30_000));
}

#[test]
fn a_pause_is_stretched_by_up_to_a_half_so_that_replicas_spread_out() {
    for (jitter, millis) in [(0.0, 500), (0.5, 625), (1.0, 750), (-1.0, 500), (7.0, 750)] {
        let mut life = Life::new();
        let pending = life.spawn();
        let failed = FetchOutcome::Failed(Error::new(ErrorKind::Unavailable, ""));
        let (number, now) = (pending.number(), life.now);
        assert!(
            life.state
                .complete(number, failed, now, jitter, &life.policy)
        );
        let pause = life.failed().retry_after().unwrap();
        assert_eq!(pause.as_millis(), millis, "{jitter}");
    }
}

#[test]
fn a_success_ends_the_pauses() {
    let mut life = Life::new();
    for _ in 0..2 {
        let pending = life.spawn();
        life.fail(pending, ErrorKind::Unavailable);
        life.pass(10.0);
    }
    let pending = life.spawn();
    life.grant(pending, "one", 300.0);
    assert!(life.state.last_error(life.now).is_none());
    life.pass(299.0);
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Unavailable);
    assert_eq!(
        life.failed().retry_after().unwrap(),
        Duration::from_millis(750)
    );
}

#[test]
fn retry_after_is_honoured_within_its_bound() {
    for (asked, granted) in [(0, 750), (2, 2_000), (86_400, 300_000)] {
        let mut life = Life::new();
        let pending = life.spawn();
        let error =
            Error::new(ErrorKind::Unavailable, "").with_retry_after(Duration::from_secs(asked));
        life.complete(pending, FetchOutcome::Failed(error));
        assert_eq!(
            life.failed().retry_after(),
            Some(Duration::from_millis(granted))
        );
    }
}

#[test]
fn quarantined_state_looks_every_five_seconds_give_or_take_a_fifth() {
    let error = |kind| Error::new(kind, "");
    for outcome in [
        FetchOutcome::Failed(error(ErrorKind::Rejected)),
        FetchOutcome::Failed(error(ErrorKind::AccountLocked)),
        // Closed until an operator opens it: no time is known, and a look sends nothing.
        FetchOutcome::Failed(error(ErrorKind::AccountClosed)),
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
fn forbidden_pauses_from_a_minute_to_five_whatever_the_bound_of_others() {
    let mut life = Life::new();
    life.policy.backoff_max = Duration::from_secs(1);
    let mut pauses = Vec::new();
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Unavailable,
        ErrorKind::Forbidden,
        ErrorKind::Forbidden,
        ErrorKind::Forbidden,
        ErrorKind::Forbidden,
        ErrorKind::Unavailable,
    ] {
        let pending = life.spawn();
        life.fail(pending, kind);
        let pause = life.failed().retry_after().unwrap();
        pauses.push(pause.as_millis());
        life.now = life.now + pause;
    }
    assert_eq!(
        pauses,
        [750, 1_000, 90_000, 180_000, 300_000, 300_000, 750],
        "each begins anew after the other"
    );
    // Longer where the server asks for that.
    let pending = life.spawn();
    let asked = Error::new(ErrorKind::Forbidden, "").with_retry_after(Duration::from_secs(400));
    life.complete(pending, FetchOutcome::Failed(asked));
    assert_eq!(life.failed().retry_after(), Some(Duration::from_secs(400)));
}

#[test]
fn an_overdue_flight_is_abandoned_and_its_late_landing_changes_nothing() {
    let mut life = Life::new();
    let first = life.spawn();
    life.pass(8.5);
    let decision = life.state.lookup(life.now, true, &life.policy);
    let second = decision.spawn.unwrap();
    assert!(decision.abandoned);
    assert_eq!(second.number(), 2);

    assert!(!life.grant(first, "late", 300.0));
    assert!(matches!(life.lookup().0, Lookup::Pending(joined) if joined == second));
    assert!(life.grant(second, "two", 300.0));
    assert_eq!(life.served(), "two");
    assert!(!life.fail(first, ErrorKind::Rejected));
    assert_eq!(life.served(), "two");
}

#[test]
fn an_aborted_flight_is_followed_by_another_without_a_pause() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.complete(pending, FetchOutcome::Aborted));
    let next = life.spawn();
    life.grant(next, "one", 300.0);
    life.pass(299.0);
    life.spawn();
}

#[test]
fn aborts_in_a_row_pause_like_failures() {
    let mut life = Life::new();
    for expected in [None, Some(750), Some(1_500)] {
        let pending = life.spawn();
        life.complete(pending, FetchOutcome::Aborted);
        let error = life.state.error_at(life.now);
        let pause = error.and_then(|error| error.retry_after());
        assert_eq!(pause.map(|pause| pause.as_millis()), expected);
        life.pass(5.0);
    }
}

#[test]
fn aborted_background_fetch_is_followed_by_one_in_the_foreground() {
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
    // Its completion, with whatever result, ends that.
    life.fail(pending, ErrorKind::Unavailable);
    life.pass(1.0);
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 300.0));
    life.pass(240.0);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);
}

#[test]
fn background_fetch_aborted_after_the_deadline_fails_no_call() {
    let mut life = Life::fresh();
    life.pass(290.0);
    let pending = life.spawn();
    life.pass(5.0);
    life.complete(pending, FetchOutcome::Aborted);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn no_background_fetch_begins_in_the_first_ten_seconds() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 12.0));
    // The window opens after 9 s.
    assert_eq!(life.view_ends_after(), Duration::from_secs(10));
    life.pass(9.9);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    let look = life.state.next_refresh(life.now, &life.policy);
    let left = look.unwrap().remaining(life.now);
    assert_eq!(
        left,
        Duration::from_millis(100),
        "nor one that keeps it warm"
    );
    life.pass(0.1);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);

    // It is fetched in the foreground when the token expires within them.
    let mut life = Life::new();
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 8.0));
    assert_eq!(life.view_ends_after(), Duration::from_millis(7_750));
    life.pass(7.75);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn a_wall_clock_that_was_wrong_for_a_moment_costs_no_fresh_token_its_view() {
    let mut life = Life::fresh();
    life.now = Timestamp::new(
        START.monotonic_nanos(),
        START.unix_nanos() + 250_000_000_000,
    );
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Unavailable);
    life.now = START + Duration::from_secs(60);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    assert_eq!(life.view_ends_after(), Duration::from_secs(180));
}

#[test]
fn a_rejection_says_no_time() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Rejected);
    assert_eq!(life.failed().retry_after(), None);
}
