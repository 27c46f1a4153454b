//! New credentials, and an operator's reset.

use enkash_auth_core::{
    FailureKind,
    state::{FetchReason, Lookup},
};

use super::life::Life;

#[test]
fn new_credentials_end_backoff_after_rejection() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, FailureKind::Rejected);
    assert_eq!(life.failed().kind(), FailureKind::Rejected);
    assert!(!life.state.change_credentials(true));
    life.spawn();
}

#[test]
fn new_credentials_abandon_pending_fetch() {
    let mut life = Life::new();
    let old = life.spawn();
    assert!(life.state.change_credentials(true));
    assert!(
        !life.fail(old, FailureKind::Rejected),
        "a late outcome changes nothing"
    );
    let new = life.spawn();
    assert_ne!(old.number(), new.number());
    assert!(!life.grant(old, "old", 300.0));
    assert!(life.grant(new, "new", 300.0));
    assert_eq!(life.served(), "new");
}

#[test]
fn new_credentials_keep_token_of_same_identity_only() {
    let mut life = Life::fresh();
    life.state.change_credentials(true);
    assert_eq!(life.served(), "one");
    life.state.change_credentials(false);
    assert!(life.state.view(life.now).is_none());
    assert!(matches!(life.lookup(), (Lookup::Pending(_), Some(_))));
}

#[test]
fn reset_ends_backoff() {
    let mut life = Life::new();
    let pending = life.spawn();
    life.fail(pending, FailureKind::Rejected);
    life.state.clear_backoff();
    assert!(life.state.last_error(life.now).is_none());
    life.spawn();
}

#[test]
fn operator_action_forces_one_fetch_only() {
    let mut life = Life::new();
    let pending = life.spawn();
    assert_eq!(pending.reason(), FetchReason::Initial);
    life.fail(pending, FailureKind::Rejected);
    life.state.clear_backoff();
    let forced = life.spawn();
    assert_eq!(forced.reason(), FetchReason::Forced);
    assert!(life.state.change_credentials(true));
    let other = life.spawn();
    assert_eq!(other.reason(), FetchReason::Forced);
    life.fail(other, FailureKind::Unavailable);
    life.pass(60.0);
    assert_eq!(life.spawn().reason(), FetchReason::Initial);
}

#[test]
fn change_without_effect_forces_no_later_fetch() {
    let mut life = Life::fresh();
    life.state.change_credentials(true);
    life.state.clear_backoff();
    life.pass(299.0);
    assert_ne!(life.spawn().reason(), FetchReason::Forced);
    let mut life = Life::fresh();
    life.state.change_credentials(false);
    assert_eq!(life.spawn().reason(), FetchReason::Forced);
}
