//! The rule for known good credentials, instead of the budget.

use enkash_auth_core::account::AttemptOutcome;

use super::support::{
    Account, CLOSED, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNAVAILABLE, UNCLEAR,
    Verdict, credentials,
};
use crate::support::{DAY, secs};

const BACKOFF: u64 = 15 * 60;

fn lost(times: usize) -> Account {
    let mut account = Account::known_good("good");
    for _ in 0..times {
        account.attempt("good", LOST);
        account.witness.see(&account.facts, account.now);
        account.pass(secs(BACKOFF));
    }
    account
}

#[test]
fn first_attempt_needs_no_probe() {
    assert_eq!(lost(0).verdict("good"), Verdict::Granted);
}

#[test]
fn second_attempt_requires_a_probe_response() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    assert_eq!(account.verdict("good"), Verdict::Probe);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
}

#[test]
fn third_attempt_waits_for_backoff_and_probe() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(BACKOFF - 1));
    assert_eq!(account.verdict_after("good", Some(true)), UNAVAILABLE);
    account.pass(secs(1));
    assert_eq!(account.verdict("good"), Verdict::Probe);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    // It responded to one: it must respond to the next.
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
    account.pass(secs(365 * DAY));
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
}

#[test]
fn server_without_probe_support_is_tried_after_backoff() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(BACKOFF - 1));
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
    account.pass(secs(1));
    assert_eq!(account.verdict_after("good", Some(false)), Verdict::Granted);
}

#[test]
fn success_clears_probe_support() {
    let mut account = lost(1);
    account.attempt("good", AttemptOutcome::Granted);
    account.pass(LEASE);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(BACKOFF));
    assert_eq!(account.verdict_after("good", Some(false)), Verdict::Granted);
}

#[test]
fn backoff_uses_monotonic_clock() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    let (monotonic, unix) = (account.now.monotonic_nanos(), account.now.unix_nanos());
    account.now = enkash_auth_core::Timestamp::new(monotonic, unix + DAY * 1_000_000_000);
    assert_eq!(account.verdict_after("good", Some(true)), UNAVAILABLE);
    account.now = enkash_auth_core::Timestamp::new(monotonic + BACKOFF * 1_000_000_000, unix);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
}

#[test]
fn lost_attempts_never_close_known_good() {
    let account = lost(9);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    assert_eq!(account.verdict("other"), CLOSED);
}

#[test]
fn complete_response_restores_the_budget() {
    let mut account = Account::known_good("good");
    account.attempt("good", UNCLEAR);
    assert_eq!(account.verdict("good"), Verdict::Granted);
    account.attempt("good", LOST);
    account.pass(secs(DAY));
    assert_eq!(account.verdict_after("good", Some(true)), CLOSED);
}

#[test]
fn attempt_of_other_credentials_restores_the_budget() {
    for outcome in [LOST, UNCLEAR, REJECTED, GUESSED] {
        let mut account = Account::known_good("good");
        account.attempt("other", outcome);
        assert_eq!(account.verdict("good"), Verdict::Granted);
        account.attempt("good", LOST);
        account.pass(secs(DAY));
        assert_eq!(
            account.verdict_after("good", Some(true)),
            CLOSED,
            "{outcome:?}"
        );
    }
}

#[test]
fn rejection_ends_known_good_even_after_reset() {
    let mut account = Account::known_good("good");
    account.attempt("good", REJECTED);
    assert!(!account.facts.is_known_good(&credentials("good")));
    assert_eq!(account.verdict("good"), REJECTED_BEFORE);
    assert!(account.reset(true));
    assert!(!account.facts.is_known_good(&credentials("good")));
    account.attempt("good", LOST);
    assert_eq!(account.verdict("good"), Verdict::Granted);
}

#[test]
fn success_of_other_credentials_ends_known_good() {
    let mut account = Account::known_good("good");
    account.attempt("new", AttemptOutcome::Granted);
    assert!(!account.facts.is_known_good(&credentials("good")));
    assert!(account.facts.is_known_good(&credentials("new")));
}

#[test]
fn permit_reports_known_good_credentials() {
    let account = Account::known_good("good");
    assert!(account.clone().acquire("good").is_known_good());
    assert!(!account.clone().acquire("other").is_known_good());
}
