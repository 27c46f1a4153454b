//! Tokens: fresh, in their refresh window, expired.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, FailureKind, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{FetchOutcome, FetchReason, Lookup},
};

use super::life::{Life, START, no_runtime};

#[test]
fn first_lookup_spawns_and_others_join() {
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
fn fresh_token_is_served_without_fetch() {
    let mut life = Life::fresh();
    assert_eq!(life.view_ends_after(), Duration::from_secs(240));
    life.pass(239.9);
    assert!(matches!(life.lookup(), (Lookup::Ready(token), None) if token.generation() == 1));
}

#[test]
fn refresh_window_spawns_one_fetch_and_serves_all() {
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
fn failed_refresh_keeps_token_and_backs_off() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let pending = life.spawn();
    life.fail(pending, FailureKind::Unavailable);
    assert_eq!(life.view_ends_after(), Duration::from_millis(750));
    assert!(matches!(life.lookup(), (Lookup::Ready(_), None)));
    life.pass(0.75);
    assert_eq!(life.spawn().number(), 3);
}

#[test]
fn token_is_served_until_its_deadline() {
    let mut life = Life::fresh();
    life.pass(293.999);
    assert_eq!(life.served(), "one");
    life.pass(0.001);
    assert!(matches!(life.lookup().0, Lookup::Pending(_)));
}

#[test]
fn token_expires_on_either_clock() {
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
fn lookup_without_runtime_is_served_or_fails() {
    let mut life = Life::new();
    let decision = life.state.lookup(life.now, Err(no_runtime()), &life.policy);
    assert!(decision.spawn.is_none());
    assert!(matches!(decision.lookup, Lookup::Failed(error) if error.to_string() == "no runtime"));

    let mut life = Life::fresh();
    life.pass(250.0);
    let decision = life.state.lookup(life.now, Err(no_runtime()), &life.policy);
    assert!(decision.spawn.is_none());
    assert!(matches!(decision.lookup, Lookup::Ready(_)));
}

#[test]
fn token_expired_when_received_is_a_failure() {
    let mut life = Life::new();
    let pending = life.spawn();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::Expired]);
    life.complete(
        pending,
        FetchOutcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), FailureKind::InvalidResponse);

    // So is one that expired on the way.
    let mut life = Life::new();
    let pending = life.spawn();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::In(Duration::from_secs(2))]);
    life.pass(5.0);
    life.complete(
        pending,
        FetchOutcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), FailureKind::InvalidResponse);
}

#[test]
fn same_token_keeps_generation_and_new_one_increments() {
    let mut life = Life::fresh();
    for (token, generation) in [("one", 1), ("two", 2), ("two", 2), ("one", 3)] {
        life.pass(300.0);
        let pending = life.spawn();
        life.grant(pending, token, 300.0);
        assert_eq!(life.state.token().unwrap().generation(), generation);
    }
}
