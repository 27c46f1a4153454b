//! An issuer that returns the token it has until that expires.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, ErrorKind,
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
fn later_end_is_kept_where_rounding_explains_the_earlier_one() {
    for (age, left, expected) in [
        // The same end, as it was said last or before.
        (6.5, 1.5, 1_312),
        (6.5, 1.4, 1_312),
        (6.5, 1.0, 1_312),
        (6.5, 0.5, 1_312),
        // More than rounding takes: it expires sooner.
        (6.5, 0.4, 350),
        // After its first deadline, too.
        (7.8, 0.1, 175),
    ] {
        let ends = returned_again(age, left).view_ends_after();
        assert_eq!(ends.as_millis(), expected, "{age}, {left} s left");
    }
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
fn different_token_ends_the_reuse() {
    // While the old one had life, and after.
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
fn token_that_was_minted_before_expires_when_its_issuer_says() {
    // What is known of the token before teaches nothing about this one.
    for said in [3.0, 7.0, 12.0] {
        let mut life = returned_again(6.5, 1.5);
        life.pass(2.0);
        let pending = life.spawn();
        assert!(life.grant(pending, "two", said));
        assert!(!life.view_ends_after().is_zero());
        life.pass(said - 0.25);
        assert!(life.state.usable(life.now).is_none(), "{said}");
    }
}

#[test]
fn expired_token_is_asked_for_again_by_the_same_fetch() {
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
    assert_eq!(life.received(pending, "two", 0.0), None, "it has ended");
    // The next fetch counts anew.
    life.pass(8.0);
    let pending = life.spawn();
    assert_eq!(life.received(pending, "two", 0.0), Some(millis(250)));
}

#[test]
fn first_fetch_waits_for_the_token_after_one_that_expires_just_then() {
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
fn issuer_of_different_expired_tokens_is_not_waited_for() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert_eq!(life.received(pending, "one", 0.0), Some(millis(250)));
    assert_eq!(life.received(pending, "two", 0.0), None);
    assert!(life.grant(pending, "two", 0.0));
    assert_eq!(life.failed().kind(), ErrorKind::InvalidResponse);
}

#[test]
fn token_with_life_left_is_not_waited_out() {
    let mut life = returned_again(6.5, 1.0);
    life.pass(1.5);
    let pending = life.spawn();
    assert_eq!(life.received(pending, "one", 0.5), None);
    // Unless it expired on the way.
    let sent = life.said(0.5);
    life.pass(0.49);
    let one = Bearer::new("one").unwrap();
    let pause = life
        .state
        .received(pending.number(), &one, &sent, life.now, &life.policy);
    assert_eq!(pause, Some(millis(250)));
    // A slow fetch is no last second.
    let sent = life.said(1.0);
    life.pass(2.0);
    let pause = life
        .state
        .received(pending.number(), &one, &sent, life.now, &life.policy);
    assert_eq!(pause, None);
}

/// The API refuses the token, and the issuer, asked for another one, repeats it for so many `seconds`.
fn refused_and_repeated(seconds: f64) -> Life {
    let mut life = Life::fresh();
    assert!(life.state.unauthorized(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "one", seconds));
    life
}

#[test]
fn a_token_that_the_api_refused_and_the_issuer_repeats_is_served_again() {
    let mut life = refused_and_repeated(300.0);
    assert_eq!(life.served(), "one");
    assert!(
        !life.state.unauthorized(1, life.now),
        "one fetch was enough"
    );
    assert_eq!(life.served(), "one");
}

#[test]
fn one_that_is_refused_again_long_after_is_fetched_again() {
    let mut life = refused_and_repeated(3_600.0);
    life.pass(299.0);
    assert!(!life.state.unauthorized(1, life.now));
    life.pass(1.0);
    assert!(life.state.unauthorized(1, life.now));
    let pending = life.spawn();
    assert!(life.grant(pending, "two", 3_600.0));
    assert_eq!(life.served(), "two");
}

#[test]
fn an_issuer_that_was_asked_before_the_refusal_has_not_answered_it() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    let asked = life.said(60.0);
    life.pass(0.1);
    assert!(life.state.unauthorized(1, life.now));
    life.pass(0.1);
    let one = Bearer::new("one").unwrap();
    assert!(life.complete(pending, FetchOutcome::Granted(one, asked)));
    assert!(life.state.usable(life.now).is_none());
    // Who keeps it warm asks at once.
    let look = life.state.next_refresh(life.now, &life.policy);
    assert_eq!(look, Some(life.now));
    let pending = life.spawn();
    assert_eq!(pending.reason(), FetchReason::Unauthorized);
    assert!(life.grant(pending, "one", 59.0));
    assert_eq!(life.served(), "one");
}

#[test]
fn a_refusal_that_was_answered_is_not_when_the_token_was_lost() {
    let mut life = refused_and_repeated(300.0);
    life.pass(301.0);
    let over = life.state.expired_for(life.now).unwrap();
    assert!(over < Duration::from_secs(30), "{over:?}");
}

#[test]
fn a_token_that_is_over_when_it_comes_leaves_what_was_there() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    let over = FetchOutcome::Granted(Bearer::new("two").unwrap(), life.said(0.0));
    assert!(life.complete(pending, over));
    assert_eq!(life.served(), "one");
    let error = life.state.last_error(life.now).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
}
