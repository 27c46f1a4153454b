//! Attempts that were made under another ledger, and told to this one later.

use enkash_auth_core::{
    ErrorKind,
    strikes::{Ledger, Settlement},
};

use super::{NOW, REJECTED, account, after, bid, denied, granted, reread, secret};

/// An attempt of another ledger, as `edition` names it.
fn heard(ledger: &mut Ledger, number: u64, with: &str, settlement: Settlement) {
    ledger.finish_unrecorded(([1; 8], number), secret(with), settlement, NOW);
}

#[test]
fn an_attempt_of_another_ledger_counts_once_however_often_it_is_told() {
    let mut ledger = Ledger::new([7; 32]);
    for _ in 0..3 {
        heard(&mut ledger, 1, "bad", REJECTED);
        ledger = reread(&ledger);
    }
    assert_eq!(ledger.strikes().definite(), 1);
    assert_eq!(
        denied(ledger.begin(secret("bad"), &bid(1, 1), NOW)),
        ErrorKind::Rejected
    );
    // Another attempt with the same password is another strike.
    heard(&mut ledger, 2, "bad", REJECTED);
    assert_eq!(ledger.strikes().definite(), 2);
    assert_eq!(
        denied(ledger.begin(secret("good"), &bid(1, 1), NOW)),
        ErrorKind::Rejected
    );
}

#[test]
fn an_attempt_of_another_ledger_counts_where_no_more_is_allowed() {
    let mut ledger = Ledger::new([7; 32]);
    for _ in 0..2 {
        let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
        ledger.finish(attempt, Settlement::Unresolved);
    }
    heard(&mut ledger, 1, "bad", REJECTED);
    assert_eq!(
        denied(ledger.begin(secret("bad"), &bid(1, 1), after(10_000))),
        ErrorKind::Rejected
    );
}

#[test]
fn a_success_of_another_ledger_clears_nothing_for_nobody_knows_when_it_was() {
    let mut ledger = Ledger::new([7; 32]);
    let attempt = granted(ledger.begin(secret("bad"), &bid(1, 1), NOW));
    ledger.finish(attempt, REJECTED);
    heard(&mut ledger, 1, "good", Settlement::Granted);
    heard(&mut ledger, 2, "good", Settlement::Harmless);
    let strikes = ledger.strikes();
    assert_eq!((strikes.definite(), strikes.possible()), (1, 0));
    assert_eq!(
        denied(ledger.begin(secret("bad"), &bid(1, 1), NOW)),
        ErrorKind::Rejected
    );
}

#[test]
fn what_was_heard_of_other_ledgers_is_bounded() {
    let mut ledger = Ledger::new([7; 32]);
    for number in 0..2_000 {
        let settlement = [Settlement::Unresolved, REJECTED][usize::from(number % 2 == 1)];
        heard(&mut ledger, number, &number.to_string(), settlement);
        heard(&mut ledger, number, "good", Settlement::Granted);
    }
    assert_eq!(ledger.strikes().definite(), 16);
    assert!((2..=16).contains(&ledger.strikes().possible()));
    let record = ledger.to_record(account());
    let lines = record.lines().filter(|line| line.starts_with("heard "));
    assert_eq!(lines.count(), 16);
    // The newest are remembered.
    heard(&mut ledger, 1_999, "1999", REJECTED);
    assert_eq!(ledger.to_record(account()), record);
    let kind = denied(ledger.begin(secret("1999"), &bid(1, 1), after(900)));
    assert_eq!(kind, ErrorKind::Rejected);
}

#[test]
fn an_attempt_leaves_no_more_than_two_marks_behind() {
    let mut ledger = Ledger::new([7; 32]);
    for number in 0..10 {
        heard(&mut ledger, number, "any", Settlement::Unresolved);
    }
    granted(ledger.begin(secret("good"), &bid(1, 1), after(900)));
    assert_eq!(ledger.strikes().possible(), 2);
}
