//! Other credentials, and an operator's reset.

use enkash_auth_core::{
    ErrorKind,
    state::{FetchReason, Lookup},
};

use super::life::Life;

#[test]
fn new_credentials_end_the_pause_after_a_refusal() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Rejected);
    assert_eq!(life.failed().kind(), ErrorKind::Rejected);
    assert!(!life.state.change_credentials(true));
    life.spawn();
}

#[test]
fn the_flight_of_the_old_credentials_is_abandoned() {
    let mut life = Life::new();
    let old = life.spawn();
    assert!(life.state.change_credentials(true));
    assert!(!life.fail(old, ErrorKind::Rejected), "it lands nowhere");
    let new = life.spawn();
    assert_ne!(old.number(), new.number());
    assert!(!life.grant(old, "old", 300.0));
    assert!(life.grant(new, "new", 300.0));
    assert_eq!(life.served(), "new");
}

#[test]
fn a_token_of_the_same_identity_is_kept_and_another_is_not() {
    let mut life = Life::fresh();
    life.state.change_credentials(true);
    assert_eq!(life.served(), "one");
    life.state.change_credentials(false);
    assert!(life.state.view(life.now).is_none());
    assert!(matches!(life.lookup(), (Lookup::Pending(_), Some(_))));
}

#[test]
fn a_reset_lets_the_next_caller_through() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, ErrorKind::Rejected);
    life.state.clear_backoff();
    assert!(life.state.last_error(life.now).is_none());
    life.spawn();
}

#[test]
fn what_an_operator_set_going_is_a_forced_fetch_and_the_next_one_is_not() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert_eq!(pending.reason(), FetchReason::Initial);
    life.fail(pending, ErrorKind::Rejected);
    life.state.clear_backoff();
    let forced = life.spawn();
    assert_eq!(forced.reason(), FetchReason::Forced);
    assert!(life.state.change_credentials(true));
    let other = life.spawn();
    assert_eq!(other.reason(), FetchReason::Forced);
    life.fail(other, ErrorKind::Unavailable);
    life.pass(60.0);
    assert_eq!(life.spawn().reason(), FetchReason::Initial);
}

#[test]
fn a_change_that_sets_nothing_going_forces_no_later_fetch() {
    let mut life = Life::fresh();
    life.state.change_credentials(true);
    life.state.clear_backoff();
    life.pass(299.0);
    assert_ne!(life.spawn().reason(), FetchReason::Forced);
    let mut life = Life::fresh();
    life.state.change_credentials(false);
    assert_eq!(life.spawn().reason(), FetchReason::Forced);
}
