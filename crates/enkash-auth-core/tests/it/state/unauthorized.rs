//! Tokens to which the API responds 401.

use std::time::Duration;

use enkash_auth_core::{
    Timestamp,
    state::{FetchReason, Lookup},
};

use super::life::Life;

/// Reports a 401 of the cached token. Returns whether that causes a fetch, which obtains another one.
fn unauthorized(life: &mut Life) -> bool {
    let generation = life.state.generation().unwrap();
    let is_new = life.state.reject(generation, life.now);
    if is_new {
        let pending = life.spawn();
        assert_eq!(pending.reason(), FetchReason::Unauthorized);
        assert!(life.grant(pending, &format!("after-{generation}"), 3_600.0));
    }
    is_new
}

#[test]
fn unauthorized_token_is_dropped_and_refetched() {
    let mut life = Life::fresh();
    assert!(life.state.reject(1, life.now));
    assert!(life.state.usable(life.now).is_none());
    let (lookup, spawn) = life.lookup();
    assert!(matches!(lookup, Lookup::Pending(_)));
    assert_eq!(spawn.unwrap().reason(), FetchReason::Unauthorized);
}

#[test]
fn stale_401_does_not_evict_newer_token() {
    let mut life = Life::new();
    assert!(!life.state.reject(0, life.now));
    let mut life = Life::fresh();
    assert!(unauthorized(&mut life));
    for generation in [0, 1, 3] {
        assert!(!life.state.reject(generation, life.now));
    }
    assert_eq!(life.served(), "after-1");
}

#[test]
fn second_401_for_same_token_changes_nothing() {
    let mut life = Life::fresh();
    assert!(life.state.reject(1, life.now));
    assert!(!life.state.reject(1, life.now));
}

#[test]
fn unauthorized_fetches_are_limited_to_2_plus_1_per_30s() {
    let mut life = Life::fresh();
    for (passed, expected) in [
        (0.0, true),
        (0.0, true),
        (0.0, false),
        (29.9, false),
        (0.1, true),
        (0.0, false),
        (30.0, true),
        (29.9, false),
        // After an idle time, two again, and the thirty seconds count from there.
        (120.0, true),
        (10.0, true),
        (10.0, false),
        (9.9, false),
        (0.1, true),
        (0.0, false),
    ] {
        life.pass(passed);
        assert_eq!(unauthorized(&mut life), expected, "at {:?}", life.now);
    }
}

#[test]
fn wall_clock_change_does_not_refill_the_401_limit() {
    let mut life = Life::fresh();
    assert!(unauthorized(&mut life) && unauthorized(&mut life));
    let later = life.now + Duration::from_secs(60);
    let jumped = Timestamp::new(life.now.monotonic_nanos(), later.unix_nanos());
    assert!(!life.state.reject(3, jumped));
}
