//! The bounds of an account record.

use enkash_auth_core::account::AttemptOutcome;

use super::support::{Account, LOST, REJECTED, REJECTED_BEFORE};
use crate::support::secs;

/// A known good account with this many attempts without a response.
fn lost(times: u8) -> Account {
    let mut account = Account::known_good("good");
    for _ in 0..times {
        account.attempt("good", LOST);
        account.witness.see(&account.facts, account.now);
        account.pass(secs(15 * 60));
    }
    account
}

#[test]
fn sixty_fifth_attempt_displaces_the_first() {
    let full = lost(64);
    assert_eq!(full.counted(), 64);
    let mut account = full.clone();
    account.attempt("good", LOST);
    assert_eq!(account.counted(), 64);
    assert_eq!(
        account.facts.attempts()[..63],
        full.facts.attempts()[1..],
        "the oldest goes"
    );
}

/// Its outcome has still to be recorded.
#[test]
fn open_attempt_is_not_displaced_by_newer_ones() {
    let mut account = Account::new();
    account.skip_ids(100);
    let open = account.acquire("x");
    let ended = lost(64).facts;
    account.facts.merge(&ended);
    assert_eq!(account.counted(), 64);
    assert_eq!(account.facts.attempts()[0].id(), open.id());
    assert_eq!(account.facts.attempts()[1..], ended.attempts()[1..]);
}

#[test]
fn newest_cleared_ids_are_kept_across_processes() {
    let mut account = Account::new();
    account.skip_ids(100);
    for _ in 0..70 {
        account.attempt("good", AttemptOutcome::Granted);
    }
    let mut other = Account::new();
    other.pass(secs(1));
    other.attempt("x", REJECTED);
    let before = other.facts.clone();
    other.reset(false);
    account.facts.merge(&other.facts);
    account.facts.merge(&before);
    assert_eq!(account.counted(), 0);
}

/// Its fingerprint is displaced, but the attempt still holds it.
#[test]
fn rejected_attempt_that_counts_keeps_its_credentials() {
    let mut first = Account::new();
    first.skip_ids(100);
    first.attempt("x", REJECTED);
    let mut account = Account::new();
    for n in 0..16 {
        account.pass(secs(1));
        account.attempt(&format!("x{n}"), REJECTED);
        account.attempt("good", AttemptOutcome::Granted);
    }
    account.facts.merge(&first.facts);
    assert_eq!(account.counted(), 1);
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}
