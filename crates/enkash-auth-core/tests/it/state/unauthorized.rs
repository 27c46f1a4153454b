//! Tokens that the API refuses.

use std::time::Duration;

use enkash_auth_core::{
    Timestamp,
    state::{FetchReason, Lookup},
};

use super::life::Life;

/// The API refuses the token at hand: whether that causes a fetch, which brings another one.
fn refused(life: &mut Life) -> bool {
    let generation = life.state.generation().unwrap();
    let is_new = life.state.unauthorized(generation, life.now);
    if is_new {
        let pending = life.spawn();
        assert_eq!(pending.reason(), FetchReason::Unauthorized);
        assert!(life.grant(pending, &format!("after-{generation}"), 3_600.0));
    }
    is_new
}

#[test]
fn it_is_attached_to_nothing_and_another_one_is_fetched() {
    let mut life = Life::fresh();
    assert!(life.state.unauthorized(1, life.now));
    assert!(life.state.usable(life.now).is_none());
    let (lookup, spawn) = life.lookup();
    assert!(matches!(lookup, Lookup::Pending(_)));
    assert_eq!(spawn.unwrap().reason(), FetchReason::Unauthorized);
}

#[test]
fn of_any_token_but_the_one_at_hand_it_changes_nothing() {
    let mut life = Life::new();
    assert!(!life.state.unauthorized(0, life.now));
    let mut life = Life::fresh();
    assert!(refused(&mut life));
    for generation in [0, 1, 3] {
        assert!(!life.state.unauthorized(generation, life.now));
    }
    assert_eq!(life.served(), "after-1");
}

#[test]
fn a_second_refusal_of_the_same_changes_nothing() {
    let mut life = Life::fresh();
    assert!(life.state.unauthorized(1, life.now));
    assert!(!life.state.unauthorized(1, life.now));
}

#[test]
fn two_fetches_are_caused_at_once_and_one_more_every_thirty_seconds() {
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
        // After a rest, two again, and the thirty seconds count from there.
        (120.0, true),
        (10.0, true),
        (10.0, false),
        (9.9, false),
        (0.1, true),
        (0.0, false),
    ] {
        life.pass(passed);
        assert_eq!(refused(&mut life), expected, "at {:?}", life.now);
    }
}

#[test]
fn a_wall_clock_that_is_set_forth_causes_no_more() {
    let mut life = Life::fresh();
    assert!(refused(&mut life) && refused(&mut life));
    let later = life.now + Duration::from_secs(60);
    let forth = Timestamp::new(life.now.monotonic_nanos(), later.unix_nanos());
    assert!(!life.state.unauthorized(3, forth));
}
