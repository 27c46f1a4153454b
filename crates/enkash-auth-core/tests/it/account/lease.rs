//! Leases: whether an attempt may still be in flight, by two clocks.

use std::time::Duration;

use enkash_auth_core::{
    Timestamp,
    account::{Acquire, Attempt},
};

use super::support::{Account, LEASE, Verdict};
use crate::support::secs;

fn open() -> Account {
    let mut account = Account::new();
    account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account
}

fn step(account: &mut Account, monotonic: u64, unix: i64) {
    let monotonic = account.now.monotonic_nanos() + monotonic * 1_000_000_000;
    let unix = account
        .now
        .unix_nanos()
        .saturating_add_signed(unix * 1_000_000_000);
    account.now = Timestamp::new(monotonic, unix);
}

#[test]
fn lease_expires_when_both_clocks_have_passed() {
    let mut account = open();
    account.pass(LEASE - Duration::from_millis(1));
    assert_eq!(account.verdict("y"), Verdict::Busy);
    account.pass(Duration::from_millis(1));
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn store_clock_alone_does_not_end_a_lease() {
    for unix in [14, 20, 600, 613, -14, -20] {
        let mut account = open();
        step(&mut account, 0, unix);
        assert_eq!(account.verdict("y"), Verdict::Busy, "{unix}");
    }
}

#[test]
fn monotonic_clock_alone_does_not_end_a_lease() {
    for unix in [0, 13, -1, -13] {
        let mut account = open();
        step(&mut account, 1000, unix);
        assert_eq!(account.verdict("y"), Verdict::Busy, "{unix}");
    }
}

#[test]
fn store_clock_ends_a_lease_after_ten_minutes() {
    let mut account = open();
    step(&mut account, 0, 614);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn lease_from_the_future_expires_beyond_its_length() {
    let mut account = open();
    // The clock was set back.
    step(&mut account, 14, -13);
    assert_eq!(account.verdict("y"), Verdict::Busy);
    step(&mut account, 0, -1);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn new_process_waits_for_a_whole_lease() {
    let mut account = open();
    account.pass(LEASE);
    account.witness = enkash_auth_core::account::Witness::default();
    assert_eq!(account.verdict("y"), Verdict::Busy);
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn restored_attempt_gets_a_new_lease_wait() {
    let mut account = open();
    let facts = account.facts.clone();
    let empty = enkash_auth_core::account::Facts::default();
    account.witness = enkash_auth_core::account::Witness::default();
    account.witness.see(&facts, account.now);
    account.witness.observe(&empty);
    account.pass(LEASE);
    account.facts = facts;
    assert_eq!(account.verdict("y"), Verdict::Busy);
}

#[test]
fn owner_death_ends_the_attempt() {
    let mut account = open();
    let attempt: Attempt = account.facts.attempts()[0].clone();
    account.witness.note_death(&attempt);
    account.facts.merge(account.witness.facts());
    assert!(!account.facts.attempts()[0].is_open());
    assert_eq!(account.counted(), 1);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn age_starts_from_store_clock_then_monotonic() {
    let mut account = Account::new();
    account.acquire("x");
    account.pass(secs(100));
    let attempt = account.facts.attempts()[0].clone();
    assert_eq!(account.witness.age(&attempt, account.now), Duration::ZERO);
    account.witness.see(&account.facts, account.now);
    step(&mut account, 5, 5000);
    assert_eq!(account.witness.age(&attempt, account.now), secs(105));
}

#[test]
fn busy_names_the_age_and_the_rest_of_the_lease() {
    // Seconds that have passed on the monotonic clock and on the store's, and the rest of the lease.
    for (monotonic, unix, left) in [
        (0, 0, 14),
        (5, 5, 9),
        (5, 3, 11),
        (3, 5, 11),
        (20, 3, 11),
        (3, 20, 11),
        (5, -3, 17),
        (0, 610, 4),
    ] {
        let mut account = open();
        step(&mut account, monotonic, unix);
        let Acquire::Busy(Some(attempt)) = account.try_acquire("y", None) else {
            panic!("not busy after {monotonic} and {unix}");
        };
        assert_eq!(attempt.age, secs(monotonic));
        assert_eq!(attempt.left, secs(left), "{monotonic} {unix}");
        account.pass(attempt.left - Duration::from_nanos(1));
        assert_eq!(account.verdict("y"), Verdict::Busy, "{monotonic} {unix}");
        account.pass(Duration::from_nanos(1));
        assert_eq!(account.verdict("y"), Verdict::Granted, "{monotonic} {unix}");
    }
}
