//! An issuer that reuses tokens until they expire.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, FailureKind, Timestamp,
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::Life;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A token of 8 s that was returned again after `age` seconds, with `left` of them left.
fn returned_again(age: f64, left: f64) -> Life {
    let mut life = Life::with(8.0);
    life.pass(age);
    let pending = life.spawn();
    assert!(life.grant(pending, "one", left));
    life
}

#[test]
fn reused_token_has_no_refresh_window() {
    let mut life = returned_again(6.5, 1.5);
    life.pass(1.3);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life.pass(0.05);
    assert_eq!(life.spawn().reason(), FetchReason::Expired);
}

#[test]
fn later_expiry_is_kept_within_rounding() {
    for (age, left, expected) in [
        // The same expiry, as reported last or before.
        (6.5, 1.5, 1_312),
        (6.5, 1.4, 1_312),
        (6.5, 1.0, 1_312),
        (6.5, 0.5, 1_312),
        // After its first deadline, too.
        (7.8, 0.1, 175),
    ] {
        let ends = returned_again(age, left).view_ends_after();
        assert_eq!(ends.as_millis(), expected, "{age}, {left} s left");
    }
}

#[test]
fn shortened_token_is_refreshed_like_a_new_one() {
    // Half a second less is rounding; a second and a tenth less is not.
    let life = returned_again(6.5, 0.4);
    assert_eq!(life.view_ends_after(), millis(300));
    let mut life = Life::with(3_600.0);
    life.pass(3_300.0);
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 200.0));
    life.pass(160.0);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);
}

#[test]
fn suspend_does_not_prolong_a_reused_token() {
    let mut life = Life::with(8.0);
    life.pass(6.5);
    let awake = life.now;
    life.pass(0.4);
    // The monotonic clock stood still.
    life.now = Timestamp::new(awake.monotonic_nanos(), life.now.unix_nanos());
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 1.0));
    assert!(life.view_ends_after() < millis(1_100));
}

#[test]
fn margin_of_a_reused_token_is_at_most_250_ms() {
    let mut life = Life::with(3_600.0);
    life.pass(3_400.0);
    let pending = life.spawn();
    assert!(life.grant(pending, "one", 199.5));
    assert_eq!(life.view_ends_after(), millis(199_750));
}

#[test]
fn prolonged_token_is_refreshed_like_a_new_one() {
    let mut life = Life::fresh();
    life.pass(250.0);
    let pending = life.spawn();
    life.grant(pending, "one", 300.0);
    assert_eq!(life.view_ends_after(), Duration::from_secs(240));
    life.pass(240.0);
    assert_eq!(life.spawn().reason(), FetchReason::Refresh);
}

#[test]
fn different_token_ends_reuse() {
    // Before and after the old one has expired.
    for age in [299.9, 400.0] {
        let mut life = Life::fresh();
        life.pass(250.0);
        let pending = life.spawn();
        assert!(life.grant(pending, "one", 50.0));
        life.pass(age - 250.0);
        let pending = life.spawn();
        assert!(life.grant(pending, "two", 300.0));
        life.pass(240.0);
        assert_eq!(life.spawn().reason(), FetchReason::Refresh, "{age}");
    }
}

#[test]
fn different_token_expires_as_reported() {
    // The expiry of the token before does not apply to this one.
    for lifetime in [3.0, 7.0, 12.0] {
        let mut life = returned_again(6.5, 1.5);
        life.pass(2.0);
        let pending = life.spawn();
        assert!(life.grant(pending, "two", lifetime));
        assert!(!life.view_ends_after().is_zero());
        life.pass(lifetime - 0.25);
        assert!(life.state.usable(life.now).is_none(), "{lifetime}");
    }
}

#[test]
fn expired_token_is_retried_by_the_same_fetch() {
    let mut life = returned_again(6.5, 1.5);
    life.pass(1.5);
    let pending = life.spawn();
    for nth in 1..=6 {
        let pause = life.received(pending, "one", 0.0);
        assert_eq!(pause, Some(millis(250)), "response {nth}");
    }
    // More often than margin and rounding explain.
    for _ in 0..2 {
        assert_eq!(life.received(pending, "one", 0.0), Some(millis(1_000)));
    }
    assert_eq!(life.received(pending, "two", 8.0), None);
    life.grant(pending, "two", 8.0);
    assert_eq!(
        life.received(pending, "two", 0.0),
        None,
        "the fetch has completed"
    );
    // The next fetch counts from zero.
    life.pass(8.0);
    let pending = life.spawn();
    assert_eq!(life.received(pending, "two", 0.0), Some(millis(250)));
}

#[test]
fn first_fetch_retries_past_expired_token() {
    let mut life = Life::new();
    let pending = life.spawn();
    for _ in 0..4 {
        assert_eq!(life.received(pending, "one", 0.0), Some(millis(250)));
    }
    assert_eq!(life.received(pending, "two", 8.0), None);
    assert!(life.grant(pending, "two", 8.0));
    assert_eq!(life.served(), "two");
}

#[test]
fn third_different_expired_token_is_not_retried() {
    let mut life = Life::new();
    let pending = life.spawn();
    // Two servers behind a load balancer.
    for nth in 0..6 {
        let token = ["one", "two", "two"][nth % 3];
        assert_eq!(life.received(pending, token, 0.0), Some(millis(250)));
    }
    assert_eq!(life.received(pending, "two", 0.0), Some(millis(1_000)));
    assert_eq!(life.received(pending, "three", 0.0), None);
    assert!(life.grant(pending, "three", 0.0));
    assert_eq!(life.failed().kind(), FailureKind::InvalidResponse);
}

#[test]
fn usable_token_is_not_retried() {
    let mut life = returned_again(6.5, 1.0);
    life.pass(1.5);
    let pending = life.spawn();
    assert_eq!(life.received(pending, "one", 0.5), None);
    // Unless it expired on the way.
    let sent = life.lifetime(0.5);
    life.pass(0.49);
    let one = Bearer::new("one").unwrap();
    let pause = life
        .state
        .received(pending.number(), &one, &sent, life.now, &life.policy);
    assert_eq!(pause, Some(millis(250)));
    // A slow fetch is no last second.
    let sent = life.lifetime(1.0);
    life.pass(2.0);
    let pause = life
        .state
        .received(pending.number(), &one, &sent, life.now, &life.policy);
    assert_eq!(pause, None);
}

/// The API rejects the token, and the issuer returns it again, with `seconds` left.
fn reissued_after_401(seconds: f64) -> Life {
    let mut life = Life::fresh();
    reissue(&mut life, seconds);
    life
}

fn reissue(life: &mut Life, seconds: f64) {
    assert!(life.state.reject(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "one", seconds));
    assert_eq!(life.served(), "one");
}

#[test]
fn reissued_token_may_be_rejected_again_within_30_s() {
    let mut life = reissued_after_401(3_600.0);
    reissue(&mut life, 3_600.0);
    // Each response costs a fetch, up to two at once and one more every 30 s.
    life.pass(29.9);
    assert!(!life.state.reject(1, life.now));
    assert_eq!(life.served(), "one");
    life.pass(0.1);
    reissue(&mut life, 3_570.0);
    life.pass(30.0);
    assert!(life.state.reject(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 3_600.0));
    assert_eq!(life.served(), "two");
}

#[test]
fn response_to_request_before_401_does_not_reissue() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    let granted = life.lifetime(60.0);
    life.pass(0.1);
    assert!(life.state.reject(1, life.now));
    life.pass(0.1);
    let one = Bearer::new("one").unwrap();
    assert!(life.complete(pending, FetchOutcome::Granted(one, granted)));
    assert!(life.state.usable(life.now).is_none());
    // A warm cache looks up at once.
    let refresh = life.state.next_refresh(life.now, &life.policy);
    assert_eq!(refresh, Some(life.now));
    let pending = life.spawn();
    assert_eq!(pending.reason(), FetchReason::Unauthorized);
    assert!(life.grant(pending, "one", 59.0));
    assert_eq!(life.served(), "one");
}

#[test]
fn expired_for_ignores_401_of_reissued_token() {
    let mut life = reissued_after_401(300.0);
    life.pass(301.0);
    let expired_for = life.state.expired_for(life.now).unwrap();
    assert!(expired_for < Duration::from_secs(30), "{expired_for:?}");
}

#[test]
fn token_expired_when_received_keeps_cached_token() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    let expired = FetchOutcome::Granted(Bearer::new("two").unwrap(), life.lifetime(0.0));
    assert!(life.complete(pending, expired));
    assert_eq!(life.served(), "one");
    let error = life.state.last_error(life.now).unwrap();
    assert_eq!(error.kind(), FailureKind::InvalidResponse);
}

#[test]
fn expired_reused_token_is_returned_for_up_to_a_second() {
    let mut life = returned_again(6.5, 1.5);
    assert_eq!(life.state.reused_for(life.now), Duration::ZERO);
    // Past its deadline.
    life.pass(1.35);
    let left = life.state.reused_for(life.now);
    assert_eq!(left, millis(1_150));
    life.pass(1.15);
    assert_eq!(life.state.reused_for(life.now), Duration::ZERO);
    // One that has a refresh window was not reused.
    let mut life = Life::with(8.0);
    life.pass(8.0);
    assert_eq!(life.state.reused_for(life.now), Duration::ZERO);
}

#[test]
fn new_token_has_no_refresh_window_if_reuse_is_expected() {
    let mut life = Life::fresh();
    life.pass(300.0);
    life.policy.reuses_tokens = true;
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 300.0));
    assert_eq!(life.view_ends_after(), millis(299_750));
}
