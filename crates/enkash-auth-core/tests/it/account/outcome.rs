//! Recording the outcome of an attempt.

use enkash_auth_core::account::AttemptOutcome;

use super::support::{
    Account, CLOSED, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNCLEAR, Verdict, credentials,
};
use crate::support::secs;

#[test]
fn success_clears_the_count() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    account.attempt("good", AttemptOutcome::Granted);
    assert_eq!(account.counted(), 0);
    assert!(account.facts.is_known_good(&credentials("good")));
}

#[test]
fn rejected_fingerprint_survives_success_of_others() {
    for outcome in [REJECTED, GUESSED] {
        let mut account = Account::new();
        account.attempt("x", outcome);
        account.attempt("good", AttemptOutcome::Granted);
        assert_eq!(account.verdict("x"), REJECTED_BEFORE);
    }
}

#[test]
fn success_clears_attempts_with_a_response() {
    for outcome in [UNCLEAR, REJECTED, GUESSED] {
        let mut account = Account::new();
        account.attempt("x", outcome);
        account.attempt("good", AttemptOutcome::Granted);
        assert_eq!(account.counted(), 0, "{outcome:?}");
    }
}

#[test]
fn success_keeps_lost_attempts_within_their_lease() {
    for password in ["x", "good"] {
        let mut account = Account::known_good("good");
        account.attempt(password, LOST);
        let lost = account.facts.attempts()[0].id();
        account.attempt("good", AttemptOutcome::Granted);
        assert_eq!(account.facts.attempts()[0].id(), lost, "{password}");
        // The next one, once the lease has passed.
        account.pass(LEASE);
        account.attempt("good", AttemptOutcome::Granted);
        assert_eq!(account.counted(), 0, "{password}");
    }
}

/// The server processes the lost attempt after the success, and after a change of the password.
#[test]
fn late_request_of_same_credentials_still_counts() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    account.attempt("good", AttemptOutcome::Granted);
    account.attempt("good", REJECTED);
    assert_eq!(account.verdict("z"), CLOSED);
}

#[test]
fn success_clears_attempts_present_at_acquire() {
    let mut account = Account::new();
    let slow = account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    let good = account.acquire("good");
    assert!(!account.end(&slow, REJECTED));
    assert!(account.end(&good, AttemptOutcome::Granted));
    assert_eq!(account.counted(), 0);

    let late = Account::known_good("good").acquire("x");
    let mut account = Account::new();
    let good = account.acquire("good");
    // It comes with a merge.
    assert!(!account.end(&late.clone(), REJECTED));
    assert_eq!(account.counted(), 2);
    assert!(account.end(&good, AttemptOutcome::Granted));
    assert_eq!(account.counted(), 1);
    assert_eq!(account.facts.rejected_attempts(), 1);
}

#[test]
fn late_success_clears_its_own_attempt_alone() {
    let mut account = Account::new();
    account.attempt("y", REJECTED);
    let late = account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    assert_eq!(account.verdict("z"), CLOSED);
    // Records that the lease has passed.
    let _ = account.try_acquire("z", None);
    assert_eq!(account.counted(), 2);
    assert!(!account.end(&late, AttemptOutcome::Granted));
    assert_eq!(account.counted(), 1);
    assert_eq!(account.facts.rejected_attempts(), 1);
    assert!(!account.facts.is_known_good(&credentials("x")));
}

#[test]
fn late_rejection_of_ended_attempt_counts_again() {
    let mut account = Account::new();
    let late = account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    account.attempt("good", AttemptOutcome::Granted);
    assert_eq!(account.counted(), 0);
    assert!(!account.end(&late, REJECTED));
    assert_eq!(account.facts.rejected_attempts(), 1);
    assert_ne!(account.facts.attempts()[0].id(), late.id());
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
    // However often it is reported, and not once it is cleared.
    assert!(!account.end(&late, REJECTED));
    assert_eq!(account.counted(), 1);
    account.attempt("good", AttemptOutcome::Granted);
    assert!(!account.end(&late, REJECTED));
    assert_eq!(account.counted(), 0);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}

#[test]
fn rejection_of_unknown_attempt_counts() {
    let permit = Account::new().acquire("x");
    let mut account = Account::new();
    assert!(!account.end(&permit, REJECTED));
    assert_eq!(account.facts.rejected_attempts(), 1);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}

#[test]
fn later_report_cannot_weaken_a_rejection() {
    let mut account = Account::new();
    let permit = account.attempt("x", REJECTED);
    for weaker in [LOST, UNCLEAR, GUESSED, AttemptOutcome::Granted] {
        assert!(!account.end(&permit, weaker));
        assert_eq!(account.facts.rejected_attempts(), 1, "{weaker:?}");
        assert_eq!(account.verdict("x"), REJECTED_BEFORE, "{weaker:?}");
    }
}

#[test]
fn late_unsent_report_clears_the_attempt() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    let _ = account.try_acquire("y", None);
    account.end(&permit, AttemptOutcome::Uncounted);
    assert!(
        account
            .facts
            .attempts()
            .iter()
            .all(|attempt| attempt.id() != permit.id())
    );
}

#[test]
fn seventeenth_rejection_displaces_the_first() {
    let mut account = Account::new();
    for n in 0..17 {
        account.attempt(&format!("x{n}"), REJECTED);
        account.attempt("good", AttemptOutcome::Granted);
        account.pass(secs(1));
    }
    assert_eq!(account.verdict("x0"), Verdict::Granted);
    for n in 1..17 {
        assert_eq!(account.verdict(&format!("x{n}")), REJECTED_BEFORE, "{n}");
    }
}

#[test]
fn lock_of_unknown_attempt_closes() {
    let permit = Account::new().acquire("x");
    let mut account = Account::new();
    assert!(!account.end(&permit, AttemptOutcome::Locked));
    assert_ne!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn guess_does_not_weaken_a_rejection() {
    for outcomes in [[REJECTED, GUESSED], [GUESSED, REJECTED]] {
        let mut account = Account::new();
        let permit = account.acquire("x");
        for outcome in outcomes {
            account.end(&permit, outcome);
        }
        account.reset(false);
        assert_eq!(account.verdict("x"), REJECTED_BEFORE, "{outcomes:?}");
    }
}

/// However often the rejection is reported.
#[test]
fn rejected_success_is_not_restored_by_merge() {
    let mut account = Account::known_good("good");
    let before = account.facts.clone();
    let permit = account.attempt("good", REJECTED);
    account.end(&permit, REJECTED);
    account.reset(true);
    account.facts.merge(&before);
    assert!(!account.facts.is_known_good(&credentials("good")));
}

#[test]
fn late_rejection_ends_known_good() {
    let mut account = Account::new();
    let late = account.acquire("good");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    account.attempt("good", AttemptOutcome::Granted);
    account.end(&late, REJECTED);
    assert!(!account.facts.is_known_good(&credentials("good")));
}

#[test]
fn unsent_report_clears_no_fingerprint() {
    let mut account = Account::new();
    let permit = account.attempt("x", REJECTED);
    account.end(&permit, AttemptOutcome::Uncounted);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}

/// A lock adds no fingerprint, so there is none yet.
#[test]
fn rejection_after_a_cleared_lock_keeps_its_fingerprint() {
    let mut account = Account::new();
    let late = account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.pass(LEASE);
    account.reset(false);
    account.end(&late, AttemptOutcome::Locked);
    account.reset(false);
    account.end(&late, REJECTED);
    assert_eq!(account.counted(), 0);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}
