//! The budget: when an attempt may begin.

use enkash_auth_core::{
    FailureKind,
    account::{Acquire, AttemptContext, AttemptOutcome},
};

use super::support::{
    Account, CLOSED, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNCLEAR, Verdict,
    credentials, id,
};
use crate::support::{DAY, secs};

#[test]
fn first_attempt_is_granted() {
    assert_eq!(Account::new().verdict("x"), Verdict::Granted);
}

#[test]
fn open_attempt_blocks_all_others() {
    let mut account = Account::new();
    account.acquire("x");
    assert_eq!(account.verdict("x"), Verdict::Busy);
    assert_eq!(account.verdict("y"), Verdict::Busy);
}

#[test]
fn one_strike_leaves_one_attempt_with_other_credentials() {
    for outcome in [REJECTED, GUESSED] {
        let mut account = Account::new();
        account.attempt("x", outcome);
        assert_eq!(account.verdict("x"), REJECTED_BEFORE);
        assert_eq!(account.verdict("y"), Verdict::Granted);
    }
}

#[test]
fn third_attempt_is_denied_whatever_the_first_two_were() {
    for first in [REJECTED, GUESSED, LOST, UNCLEAR] {
        for second in [REJECTED, GUESSED, LOST, UNCLEAR] {
            let mut account = Account::new();
            account.attempt("x", first);
            account.attempt("y", second);
            assert_eq!(account.verdict("z"), CLOSED);
            account.pass(secs(365 * DAY));
            assert_eq!(account.verdict("z"), CLOSED, "{first:?}, {second:?}");
        }
    }
}

#[test]
fn open_attempt_counts_after_its_lease() {
    let mut account = Account::new();
    for password in ["x", "y"] {
        account.acquire(password);
        account.witness.see(&account.facts, account.now);
        account.pass(LEASE);
    }
    assert_eq!(account.verdict("z"), CLOSED);
    account.pass(secs(DAY));
    assert_eq!(account.verdict("x"), CLOSED);
}

#[test]
fn uncounted_attempts_do_not_use_budget() {
    let mut account = Account::new();
    for _ in 0..5 {
        account.attempt("x", AttemptOutcome::Uncounted);
    }
    assert_eq!(account.counted(), 0);
    assert_eq!(account.verdict("x"), Verdict::Granted);
}

#[test]
fn retry_unresolved_after_ages_only_unresolved() {
    for (second, granted) in [(LOST, true), (UNCLEAR, true), (REJECTED, false)] {
        let mut account = Account::new();
        account.attempt("x", LOST);
        account.attempt("y", second);
        account.witness.see(&account.facts, account.now);
        account.pass(secs(3599));
        let may = |account: &mut Account| {
            let ctx = AttemptContext {
                id: id(99),
                salt: [0; 16],
                credentials: &credentials("z"),
                lease: LEASE,
                retry_unresolved_after: Some(secs(3600)),
                probe: None,
            };
            let acquired = account
                .facts
                .clone()
                .acquire(&ctx, &account.witness, account.now);
            matches!(acquired, Acquire::Granted(_))
        };
        assert!(!may(&mut account));
        account.pass(secs(1));
        assert_eq!(may(&mut account), granted, "{second:?}");
    }
}

#[test]
fn locked_account_denies_known_good_credentials() {
    let mut account = Account::known_good("good");
    account.attempt("good", AttemptOutcome::Locked);
    assert_eq!(
        account.verdict("good"),
        Verdict::Denied(FailureKind::AccountLocked)
    );
    assert_eq!(
        account.verdict("x"),
        Verdict::Denied(FailureKind::AccountLocked)
    );
    // The credentials were not rejected.
    assert!(account.facts.is_known_good(&credentials("good")));
    assert!(account.reset(false));
    assert_eq!(account.verdict("good"), Verdict::Granted);
}

#[test]
fn denial_names_the_reset_command() {
    let mut account = Account::closed();
    for (password, command) in [
        ("z", "enkash-sidecar reset"),
        ("x", "reset --allow-rejected"),
    ] {
        match account.try_acquire(password, None) {
            Acquire::Denied(error) => assert!(error.to_string().contains(command), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn denial_names_counted_attempts() {
    let (unresolved, one, two) = (
        "two attempts are unresolved",
        "one attempt was rejected and another is unresolved",
        "two attempts were rejected",
    );
    for (first, second, count, has_rejected) in [
        (LOST, UNCLEAR, unresolved, false),
        (LOST, REJECTED, one, true),
        (GUESSED, REJECTED, two, true),
    ] {
        let mut account = Account::new();
        account.attempt("x", first);
        account.attempt("y", second);
        match account.try_acquire("z", None) {
            Acquire::Denied(error) => {
                let text = error.to_string();
                assert!(text.contains(count), "{text}");
                assert_eq!(text.contains("--allow-rejected"), has_rejected, "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Without a success, they may be wrong.
#[test]
fn third_attempt_is_denied_after_two_lost_responses() {
    let mut account = Account::new();
    account.attempt("x", LOST);
    account.attempt("x", LOST);
    account.pass(secs(DAY));
    assert_eq!(account.verdict_after("x", Some(true)), CLOSED);
}
