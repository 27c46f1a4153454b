//! What one process knows, and what the store may not.

use enkash_auth_core::account::{AttemptOutcome, Facts, Witness};

use super::support::{
    Account, GUESSED, LEASE, LOST, REJECTED, REJECTED_BEFORE, UNCLEAR, Verdict, credentials, id,
};

/// The record as another process finds it once this one has looked at `record`.
fn looked(witness: &mut Witness, record: &Facts) -> Facts {
    let mut facts = record.clone();
    facts.merge(witness.facts());
    witness.observe(&facts);
    facts
}

#[test]
fn lost_record_is_brought_back() {
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
fn success_is_brought_back_only_where_there_is_none() {
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

/// A process that saw the first success alone, and had no reason to look since.
#[test]
fn replaced_success_does_not_come_back() {
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
    // Also where the record is lost before it is reported.
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
fn attempt_whose_write_failed_is_ended_by_its_id() {
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

/// Nothing counts, but until it looks the attempt is open on the record for all others.
#[test]
fn unwritten_outcome_keeps_the_process_looking() {
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
fn process_is_ahead_of_a_store_that_lost_the_record() {
    let mut account = Account::known_good("good");
    account.witness.observe(&account.facts);
    assert!(!account.witness.is_ahead());
    account.witness.observe(&Facts::default());
    assert!(account.witness.is_ahead());
    account.witness.observe(&account.facts);
    assert!(!account.witness.is_ahead());
}

#[test]
fn attempt_without_store_is_known_until_it_is_written() {
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
fn two_that_look_in_turn_reach_a_fixed_point() {
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

/// Or every process would look at a record for ever once its account has had a token.
#[test]
fn process_that_saw_a_success_is_quiet_once_the_store_has_it() {
    let mut account = Account::known_good("good");
    account.witness.observe(&account.facts);
    assert!(account.witness.is_quiet());
    account.witness.observe(&Facts::default());
    assert!(!account.witness.is_quiet());
    account.witness.observe(&account.facts);
    assert!(account.witness.is_quiet());
}

#[test]
fn process_is_not_quiet_that_saw_a_rejection() {
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
fn look_keeps_when_an_attempt_was_first_seen() {
    let mut account = Account::new();
    account.acquire("x");
    account.witness.see(&account.facts, account.now);
    account.witness.observe(&account.facts);
    account.pass(LEASE);
    assert_eq!(account.verdict("y"), Verdict::Granted);
}

#[test]
fn attempt_that_ended_is_not_own() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    account.witness.begin(permit.id());
    account.witness.record_outcome(&permit, LOST, account.now);
    assert!(!account.witness.is_own(permit.id()));
}
