//! Tokens: fresh, in their early window, over.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, ErrorKind, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::{Life, START};

#[test]
fn the_first_to_ask_launches_and_the_others_join() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert_eq!(
        (pending.number(), pending.reason()),
        (1, FetchReason::Initial)
    );
    for _ in 0..3 {
        let (lookup, spawn) = life.lookup();
        assert!(matches!(lookup, Lookup::Pending(joined) if joined == pending));
        assert_eq!(spawn, None);
    }
}

#[test]
fn a_fresh_token_is_served_and_nothing_is_launched() {
    let mut life = Life::fresh();
    assert_eq!(life.view_ends_after(), Duration::from_secs(240));
    life.pass(239.9);
    assert!(matches!(life.lookup(), (Lookup::Ready(token), None) if token.generation() == 1));
}

#[test]
fn in_the_early_window_one_flight_is_launched_and_all_are_served() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let (lookup, spawn) = life.lookup();
    assert!(matches!(lookup, Lookup::Ready(_)));
    assert_eq!(spawn.unwrap().reason(), FetchReason::Refresh);
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    assert_eq!(
        life.view_ends_after(),
        Duration::from_millis(8_500),
        "until it is overdue"
    );
}

#[test]
fn a_failed_early_renewal_leaves_the_token_and_pauses() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Unavailable);
    assert_eq!(life.view_ends_after(), Duration::from_millis(750));
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life.pass(0.75);
    assert_eq!(life.spawn().number(), 3);
}

#[test]
fn a_token_is_served_up_to_its_deadline_and_never_after() {
    let mut life = Life::fresh();
    life.pass(293.999);
    assert_eq!(life.served(), "one");
    life.pass(0.001);
    assert!(matches!(life.lookup().0, Lookup::Pending(_)));
}

#[test]
fn either_clock_ends_a_token() {
    for now in [
        Timestamp::new(
            START.monotonic_nanos(),
            START.unix_nanos() + 294_000_000_000,
        ),
        Timestamp::new(START.monotonic_nanos() + 294_000_000_000, 0),
    ] {
        let mut life = Life::fresh();
        life.now = now;
        let (lookup, spawn) = life.lookup();
        assert!(matches!(lookup, Lookup::Pending(_)));
        assert_eq!(spawn.unwrap().reason(), FetchReason::Expired);
    }
}

#[test]
fn what_cannot_be_fetched_for_is_served_or_failed() {
    let mut life = Life::new();
    let decision = life.state.lookup(life.now, false, &life.policy);
    assert!(decision.spawn.is_none());
    assert!(
        matches!(decision.lookup, Lookup::Failed(error) if error.kind() == ErrorKind::NoRuntime)
    );

    let mut life = Life::fresh();
    life.pass(250.0);
    let decision = life.state.lookup(life.now, false, &life.policy);
    assert!(decision.spawn.is_none());
    assert!(matches!(decision.lookup, Lookup::Ready(_)));
}

#[test]
fn a_token_that_is_over_when_it_comes_is_a_failure() {
    let mut life = Life::new();
    let pending = life.spawn();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::Expired]);
    life.complete(
        pending,
        FetchOutcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), ErrorKind::InvalidResponse);

    // So is one that took longer to come than it lives.
    let mut life = Life::new();
    let pending = life.spawn();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::In(Duration::from_secs(2))]);
    life.pass(5.0);
    life.complete(
        pending,
        FetchOutcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), ErrorKind::InvalidResponse);
}

#[test]
fn the_same_token_keeps_its_generation_and_another_gets_the_next() {
    let mut life = Life::fresh();
    for (token, generation) in [("one", 1), ("two", 2), ("two", 2), ("one", 3)] {
        life.pass(300.0);
        let pending = life.spawn();
        life.grant(pending, token, 300.0);
        assert_eq!(life.state.token().unwrap().generation(), generation);
    }
}
