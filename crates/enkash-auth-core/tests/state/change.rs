//! Other credentials, and an operator's reset.

use enkash_auth_core::{ErrorKind, state::Verdict};

use crate::life::Life;

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
    assert!(!life.grant(old, "old", 300));
    assert!(life.grant(new, "new", 300));
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
