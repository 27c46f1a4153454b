//! Other credentials, and an operator's reset.

use enkash_auth_core::{
    ErrorKind,
    state::{Reason, Verdict},
};

use super::life::Life;

#[test]
fn new_credentials_end_the_pause_after_a_refusal() {
    let mut life = Life::new();
    let flight = life.launch();
    life.fail(flight, ErrorKind::Rejected);
    assert_eq!(life.failed().kind(), ErrorKind::Rejected);
    assert!(!life.state.change_credentials(true));
    life.launch();
}

#[test]
fn the_flight_of_the_old_credentials_is_abandoned() {
    let mut life = Life::new();
    let old = life.launch();
    assert!(life.state.change_credentials(true));
    assert!(!life.fail(old, ErrorKind::Rejected), "it lands nowhere");
    let new = life.launch();
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
    assert!(matches!(life.ask(), (Verdict::Wait(_), Some(_))));
}

#[test]
fn a_reset_lets_the_next_caller_through() {
    let mut life = Life::new();
    let flight = life.launch();
    life.fail(flight, ErrorKind::Rejected);
    life.state.forgive();
    assert!(life.state.last_error(life.now).is_none());
    life.launch();
}

#[test]
fn what_an_operator_set_going_is_a_forced_fetch_and_the_next_one_is_not() {
    let mut life = Life::new();
    let flight = life.launch();
    assert_eq!(flight.reason(), Reason::Cold);
    life.fail(flight, ErrorKind::Rejected);
    life.state.forgive();
    let forced = life.launch();
    assert_eq!(forced.reason(), Reason::Forced);
    assert!(life.state.change_credentials(true));
    let other = life.launch();
    assert_eq!(other.reason(), Reason::Forced);
    life.fail(other, ErrorKind::Unavailable);
    life.pass(60.0);
    assert_eq!(life.launch().reason(), Reason::Cold);
}

#[test]
fn a_change_that_sets_nothing_going_forces_no_later_fetch() {
    let mut life = Life::fresh();
    life.state.change_credentials(true);
    life.state.forgive();
    life.pass(299.0);
    assert_ne!(life.launch().reason(), Reason::Forced);
    let mut life = Life::fresh();
    life.state.change_credentials(false);
    assert_eq!(life.launch().reason(), Reason::Forced);
}
