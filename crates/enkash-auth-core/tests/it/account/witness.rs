//! The facts that one process has seen, and the store may have lost.

use enkash_auth_core::account::{AttemptOutcome, Facts, Witness};

use super::support::{
    Account, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNCLEAR, Verdict, credentials, id,
};

/// The record after this process has polled `record`.
fn looked(witness: &mut Witness, record: &Facts) -> Facts {
    let mut facts = record.clone();
    facts.merge(witness.facts());
    witness.observe(&facts);
    facts
}

#[test]
fn lost_record_is_restored() {
    for outcome in [REJECTED, GUESSED, LOST, UNCLEAR, AttemptOutcome::Locked] {
        let mut account = Account::known_good("good");
        account.attempt("x", outcome);
        let facts = account.facts.clone();
        account.witness.observe(&facts);
        assert_eq!(
            looked(&mut account.witness, &Facts::default()),
            facts,
            "{outcome:?}"
        );
    }
}

#[test]
fn rolled_back_record_stays_cleared() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    let old = account.facts.clone();
    account.attempt("good", AttemptOutcome::Granted);
    account.witness.observe(&account.facts.clone());
    let merged = looked(&mut account.witness, &old);
    assert_eq!(merged, account.facts);
}

#[test]
fn success_is_restored_only_if_absent() {
    let mut first = Account::known_good("old");
    first.witness.observe(&first.facts.clone());
    let mut record = first.facts.clone();
    let mut second = first.clone();
    second.facts = record.clone();
    second.attempt("new", AttemptOutcome::Granted);
    record.clone_from(&second.facts);
    let merged = looked(&mut first.witness, &record);
    assert!(merged.is_known_good(&credentials("new")));
}

/// A process that saw only the first success, and did not poll since.
#[test]
fn replaced_success_is_not_restored() {
    let mut account = Account::known_good("old");
    account.witness.observe(&account.facts);
    account.attempt("new", AttemptOutcome::Granted);
    account.attempt("new", REJECTED);
    let merged = looked(&mut account.witness, &account.facts);
    assert!(!merged.is_known_good(&credentials("old")));
}

#[test]
fn rolled_back_record_gets_the_later_success() {
    let mut account = Account::known_good("old");
    let old = account.facts.clone();
    account.attempt("new", AttemptOutcome::Granted);
    account.witness.observe(&account.facts);
    let merged = looked(&mut account.witness, &old);
    assert!(merged.is_known_good(&credentials("new")));
}

#[test]
fn own_open_attempt_is_kept_and_others_are_not() {
    let mut account = Account::new();
    let open = account.acquire("x");
    let mut other = Witness::default();
    other.observe(&account.facts);
    assert!(other.facts().attempts().is_empty());
    account.witness.begin(open.id());
    account.witness.observe(&account.facts);
    assert_eq!(account.witness.facts().attempts().len(), 1);
    // Also if the record is lost before it is reported.
    account.facts = looked(&mut account.witness, &Facts::default());
    assert!(account.end(&open, AttemptOutcome::Granted));
}

#[test]
fn outcome_that_was_not_stored_is_added() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    account.witness.begin(permit.id());
    account.witness.observe(&account.facts);
    account
        .witness
        .record_outcome(&permit, REJECTED, account.now);
    let merged = looked(&mut account.witness, &account.facts.clone());
    assert_eq!(merged.rejected_attempts(), 1);
    account.facts = merged;
    assert_eq!(account.verdict("x"), REJECTED_BEFORE);
}

#[test]
fn attempt_with_failed_write_is_ended_by_id() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    account.witness.begin(permit.id());
    account
        .witness
        .record_outcome(&permit, AttemptOutcome::Uncounted, account.now);
    account.facts = looked(&mut account.witness, &account.facts.clone());
    assert_eq!(account.counted(), 0);
    // Also if the write appears later.
    assert_eq!(account.verdict("x"), Verdict::Granted);
}

/// Nothing counts, but the attempt stays open on the record for all others until the next poll.
#[test]
fn unstored_outcome_keeps_process_polling() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    assert!(account.witness.is_quiet());
    account.witness.begin(permit.id());
    account
        .witness
        .record_outcome(&permit, AttemptOutcome::Uncounted, account.now);
    assert!(!account.witness.is_quiet());
    looked(&mut account.witness, &account.facts.clone());
    assert!(account.witness.is_quiet());
}

#[test]
fn witness_is_ahead_of_store_that_lost_record() {
    let mut account = Account::known_good("good");
    account.witness.observe(&account.facts);
    assert!(!account.witness.is_ahead());
    account.witness.observe(&Facts::default());
    assert!(account.witness.is_ahead());
    account.witness.observe(&account.facts);
    assert!(!account.witness.is_ahead());
}

#[test]
fn attempt_without_store_is_unstored_until_written() {
    let mut account = Account::known_good("good");
    account.witness.observe(&account.facts);
    let mut facts = account.witness.facts().clone();
    std::mem::swap(&mut facts, &mut account.facts);
    let permit = account.acquire("good");
    account.witness.begin_unstored(permit.id(), &account.facts);
    assert!(account.witness.has_unstored());
    account.witness.record_outcome(&permit, LOST, account.now);
    assert!(account.witness.has_unstored());
    assert!(!account.witness.is_quiet());
    let record = looked(&mut account.witness, &facts);
    assert_eq!(record.attempts().len(), 1);
    assert!(!account.witness.has_unstored());
}

#[test]
fn read_without_the_attempt_does_not_store_it() {
    let mut account = Account::known_good("good");
    let record = account.facts.clone();
    let permit = account.acquire("good");
    account.witness.begin_unstored(permit.id(), &account.facts);
    account.witness.observe(&record);
    assert!(account.witness.has_unstored());
}

#[test]
fn uncounted_attempt_without_store_allows_another() {
    let mut account = Account::known_good("good");
    let permit = account.acquire("good");
    account.witness.begin_unstored(permit.id(), &account.facts);
    account
        .witness
        .record_outcome(&permit, AttemptOutcome::Uncounted, account.now);
    assert!(!account.witness.has_unstored());
}

#[test]
fn alternating_processes_reach_a_fixed_point() {
    let mut account = Account::known_good("good");
    account.attempt("x", REJECTED);
    let old = account.facts.clone();
    let (mut first, mut second) = (Witness::default(), Witness::default());
    first.observe(&old);
    account.attempt("y", GUESSED);
    account.pass(LEASE);
    account.reset(false);
    account.attempt("z", AttemptOutcome::Uncounted);
    second.observe(&account.facts);
    let mut record = old;
    for witness in [&mut second, &mut first] {
        record = looked(witness, &record);
    }
    for _ in 0..3 {
        for witness in [&mut first, &mut second] {
            let next = looked(witness, &record);
            assert_eq!(next, record);
        }
    }
}

/// Otherwise every process would poll a record for ever after the first token of its account.
#[test]
fn witness_is_quiet_once_store_has_the_success() {
    let mut account = Account::known_good("good");
    account.witness.observe(&account.facts);
    assert!(account.witness.is_quiet());
    account.witness.observe(&Facts::default());
    assert!(!account.witness.is_quiet());
    account.witness.observe(&account.facts);
    assert!(account.witness.is_quiet());
}

#[test]
fn witness_of_a_rejection_is_not_quiet() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    account.attempt("good", AttemptOutcome::Granted);
    assert_eq!(account.counted(), 0);
    account.witness.observe(&account.facts);
    assert!(!account.witness.is_quiet());
}

#[test]
fn withdrawn_attempt_is_not_own() {
    let mut account = Account::new();
    let (withdrawn, kept) = (id(1), id(2));
    account.witness.begin(withdrawn);
    account.witness.begin(kept);
    account.witness.withdraw(withdrawn);
    assert!(!account.witness.is_own(withdrawn));
    assert!(account.witness.is_own(kept));
}

#[test]
fn observe_keeps_first_seen_time() {
    let mut account = Account::new();
    account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.witness.observe(&account.facts);
    account.pass(LEASE);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn ended_attempt_is_not_own() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    account.witness.begin(permit.id());
    account.witness.record_outcome(&permit, LOST, account.now);
    assert!(!account.witness.is_own(permit.id()));
}

#[test]
fn record_of_process_alone_forgets_what_is_cleared() {
    let mut account = Account::known_good("good");
    let mut witness = Witness::default();
    assert!(witness.replace(&Facts::default(), &account.facts));
    assert!(!witness.replace(&Facts::default(), &account.facts));
    for attempt in ["x", "y", "z"] {
        let before = witness.facts().clone();
        account.facts.clone_from(&before);
        account.attempt("good", AttemptOutcome::Granted);
        assert!(witness.replace(&before, &account.facts), "{attempt}");
        let size = format!("{:?}", witness.facts()).len();
        assert_eq!(size, format!("{before:?}").len(), "{attempt}");
        assert!(witness.facts().is_known_good(&credentials("good")));
    }
}

/// The store may bring them back.
#[test]
fn record_that_was_in_store_keeps_what_is_cleared() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    let old = account.facts.clone();
    let mut witness = Witness::default();
    witness.observe(&old);
    account.attempt("good", AttemptOutcome::Granted);
    assert!(witness.replace(&old, &account.facts));
    assert_eq!(looked(&mut witness, &old), account.facts);
}
