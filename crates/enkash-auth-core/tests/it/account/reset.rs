//! Resets by an operator.

use enkash_auth_core::account::AttemptOutcome;

use super::support::{
    Account, CLOSED, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNCLEAR, Verdict,
};

#[test]
fn reset_clears_count_and_guesses() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    account.attempt("y", GUESSED);
    assert!(account.reset(false));
    assert_eq!(account.counted(), 0);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn reset_allow_rejected_clears_all_fingerprints() {
    let mut account = Account::closed();
    assert!(account.reset(true));
    for password in ["x", "y", "z"] {
        assert_eq!(account.verdict(password), Verdict::Granted);
    }
}

#[test]
fn reset_clears_guess_left_by_success() {
    let mut account = Account::new();
    account.attempt("y", GUESSED);
    account.attempt("good", AttemptOutcome::Granted);
    assert_eq!(account.verdict("y"), REJECTED_BEFORE);
    assert!(account.reset(false));
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn reset_allow_rejected_clears_leftover_fingerprint() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    assert!(account.reset(false));
    assert!(account.reset(true));
    assert_eq!(account.verdict("x"), Verdict::Granted);
}

#[test]
fn reset_clears_attempts_with_response_at_once() {
    for outcome in [UNCLEAR, REJECTED, GUESSED, AttemptOutcome::Locked] {
        let mut account = Account::new();
        account.attempt("x", outcome);
        assert!(account.reset(false));
        assert_eq!(account.counted(), 0, "{outcome:?}");
    }
}

#[test]
fn reset_waits_for_open_attempt() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    let open = account.acquire("y");
    assert!(!account.reset(false));
    assert_eq!(account.facts.attempts()[0].id(), open.id());
    account.pass(LEASE);
    assert!(account.reset(false));
    assert_eq!(account.counted(), 0);
}

/// The server may process it after the reset.
#[test]
fn reset_waits_for_lease_of_lost_attempt() {
    let mut account = Account::new();
    account.attempt("x", LOST);
    assert!(!account.reset(false));
    account.attempt("y", REJECTED);
    assert_eq!(account.verdict("x"), CLOSED);
    account.pass(LEASE);
    assert!(account.reset(false));
    assert_eq!(account.verdict("x"), Verdict::Granted);
}

#[test]
fn rejection_after_reset_counts() {
    let mut account = Account::new();
    let open = account.acquire("x");
    assert!(!account.reset(true));
    account.end(&open, REJECTED);
    assert_eq!(account.facts.rejected_attempts(), 1);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}

#[test]
fn reset_survives_rollback_and_stale_processes() {
    for allow_rejected in [false, true] {
        let mut account = Account::closed();
        let mut before = account.witness.clone();
        before.observe(&account.facts);
        assert!(account.reset(allow_rejected));
        let cleared = account.facts.clone();
        account.facts.merge(before.facts());
        assert_eq!(account.facts, cleared);
        // Also if the record is rolled back to before the reset.
        let mut after = account.witness.clone();
        after.observe(&cleared);
        account.facts = before.facts().clone();
        account.facts.merge(after.facts());
        assert_eq!(account.facts, cleared);
    }
}

#[test]
fn reset_of_empty_record_succeeds() {
    let mut account = Account::new();
    assert!(account.reset(true));
    assert_eq!(account.facts, enkash_auth_core::account::Facts::default());
}

#[test]
fn waiting_reset_keeps_later_attempts() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    let before = account.facts.clone();
    account.attempt("y", REJECTED);
    assert!(account.reset_of(&before, true));
    assert_eq!(account.counted(), 1);
    assert_eq!(account.verdict("x"), Verdict::Granted);
    assert_eq!(account.verdict("y"), REJECTED_BEFORE);
}

#[test]
fn waiting_reset_keeps_later_response() {
    for outcome in [UNCLEAR, REJECTED, GUESSED, AttemptOutcome::Locked] {
        let mut account = Account::new();
        let open = account.acquire("x");
        let before = account.facts.clone();
        assert!(!account.reset_of(&before, true));
        account.end(&open, outcome);
        let ended = account.facts.clone();
        account.pass(LEASE);
        assert!(account.reset_of(&before, true));
        assert_eq!(account.facts, ended, "{outcome:?}");
    }
}
