//! The rule for credentials that are known good, in place of the budget.

use enkash_auth_core::account::AttemptOutcome;

use super::support::{
    Account, CLOSED, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNAVAILABLE, UNCLEAR,
    Verdict, credentials,
};
use crate::support::{DAY, secs};

const PAUSE: u64 = 15 * 60;

fn lost(times: usize) -> Account {
    let mut account = Account::known_good("good");
    for _ in 0..times {
        account.attempt("good", LOST);
        account.witness.see(&account.facts, account.now);
        account.pass(secs(PAUSE));
    }
    account
}

#[test]
fn first_attempt_needs_no_probe() {
    assert_eq!(lost(0).verdict("good"), Verdict::Granted);
}

#[test]
fn second_attempt_follows_an_answered_probe() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    assert_eq!(account.verdict("good"), Verdict::Probe);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
}

#[test]
fn third_attempt_waits_for_pause_and_probe() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(PAUSE - 1));
    assert_eq!(account.verdict_after("good", Some(true)), UNAVAILABLE);
    account.pass(secs(1));
    assert_eq!(account.verdict("good"), Verdict::Probe);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    // It answered one: it is asked for another.
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
    account.pass(secs(365 * DAY));
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
}

#[test]
fn server_that_answers_no_probe_is_asked_after_the_pause() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(PAUSE - 1));
    assert_eq!(account.verdict_after("good", Some(false)), UNAVAILABLE);
    account.pass(secs(1));
    assert_eq!(account.verdict_after("good", Some(false)), Verdict::Granted);
}

#[test]
fn success_forgets_that_a_probe_was_answered() {
    let mut account = lost(1);
    account.attempt("good", AttemptOutcome::Granted);
    account.pass(LEASE);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    account.pass(secs(PAUSE));
    assert_eq!(account.verdict_after("good", Some(false)), Verdict::Granted);
}

#[test]
fn pause_is_counted_on_the_monotonic_clock() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.attempt("good", LOST);
    account.witness.see(&account.facts, account.now);
    let (monotonic, unix) = (account.now.monotonic_nanos(), account.now.unix_nanos());
    account.now = enkash_auth_core::Timestamp::new(monotonic, unix + DAY * 1_000_000_000);
    assert_eq!(account.verdict_after("good", Some(true)), UNAVAILABLE);
    account.now = enkash_auth_core::Timestamp::new(monotonic + PAUSE * 1_000_000_000, unix);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
}

#[test]
fn many_lost_attempts_never_close() {
    let account = lost(9);
    assert_eq!(account.verdict_after("good", Some(true)), Verdict::Granted);
    assert_eq!(account.verdict("other"), CLOSED);
}

#[test]
fn complete_response_brings_the_budget_back() {
    let mut account = Account::known_good("good");
    account.attempt("good", UNCLEAR);
    assert_eq!(account.verdict("good"), Verdict::Granted);
    account.attempt("good", LOST);
    account.pass(secs(DAY));
    assert_eq!(account.verdict_after("good", Some(true)), CLOSED);
}

#[test]
fn attempt_of_others_brings_the_budget_back() {
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
fn rejection_ends_known_good_also_after_reset() {
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
fn success_of_others_ends_known_good() {
    let mut account = Account::known_good("good");
    account.attempt("new", AttemptOutcome::Granted);
    assert!(!account.facts.is_known_good(&credentials("good")));
    assert!(account.facts.is_known_good(&credentials("new")));
}

#[test]
fn permit_says_whether_credentials_are_known_good() {
    let account = Account::known_good("good");
    assert!(account.clone().acquire("good").is_known_good());
    assert!(!account.clone().acquire("other").is_known_good());
}
