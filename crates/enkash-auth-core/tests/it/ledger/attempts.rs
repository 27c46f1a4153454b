//! Attempts, one at a time: leases, resets, clocks that are wrong.

use std::time::Duration;

use enkash_auth_core::{
    ErrorKind,
    strikes::{Ledger, Opening, Settlement},
};

use super::{NOW, REJECTED, account, after, bid, denied, full, granted, reread, secret};

#[test]
fn one_attempt_is_on_at_a_time() {
    let mut ledger = Ledger::new([7; 32]);
    let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    assert!(matches!(
        ledger.begin(secret("other"), &bid(2, 9), after(11)),
        Opening::Busy
    ));
    ledger.finish(attempt, Settlement::Granted);
    granted(ledger.begin(secret("other"), &bid(2, 9), after(11)));
}

#[test]
fn a_lease_ends_by_itself_and_leaves_its_mark() {
    let mut ledger = Ledger::new([7; 32]);
    let late = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    let next = granted(ledger.begin(secret("one"), &bid(2, 1), after(12)));
    assert_eq!(ledger.strikes().possible(), 2);
    // The late one neither ends the lease of the other nor escapes its own refusal.
    ledger.finish(late, REJECTED);
    assert!(matches!(
        ledger.begin(secret("two"), &bid(3, 1), after(12)),
        Opening::Busy
    ));
    ledger.finish(next, Settlement::Harmless);
    assert_eq!(
        denied(ledger.begin(secret("one"), &bid(3, 1), after(12))),
        ErrorKind::Rejected
    );
}

#[test]
fn a_clock_that_is_set_back_leaves_no_lease_for_ever() {
    let mut ledger = Ledger::new([7; 32]);
    granted(ledger.begin(secret("one"), &bid(1, 1), after(3600)));
    granted(ledger.begin(secret("one"), &bid(2, 1), NOW));
}

#[test]
fn a_strike_from_the_future_closes_the_account_no_longer_than_any() {
    let mut ledger = Ledger::new([7; 32]);
    for _ in 0..2 {
        let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), after(86_400)));
        ledger.finish(attempt, Settlement::Unresolved);
    }
    assert_eq!(
        denied(ledger.begin(secret("one"), &bid(1, 2), NOW)),
        ErrorKind::Unresolved
    );
    let mut ledger = reread(&ledger);
    assert_eq!(
        denied(ledger.begin(secret("one"), &bid(1, 2), after(899))),
        ErrorKind::Unresolved
    );
    granted(ledger.begin(secret("one"), &bid(1, 2), after(900)));
}

#[test]
fn a_cache_takes_over_from_its_own_earlier_flight_and_from_no_later_one() {
    let mut ledger = Ledger::new([7; 32]);
    granted(ledger.begin(secret("one"), &bid(1, 2), NOW));
    assert_eq!(
        denied(ledger.begin(secret("one"), &bid(1, 1), NOW)),
        ErrorKind::Unavailable
    );
    granted(ledger.begin(secret("one"), &bid(1, 3), NOW));
    // Nor does it wait for itself.
    ledger.reset(after(12));
    granted(ledger.begin(secret("one"), &bid(1, 3), NOW));
}

#[test]
fn an_attempt_that_is_settled_twice_counts_once() {
    let mut ledger = Ledger::new([7; 32]);
    let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    ledger.finish(attempt, REJECTED);
    ledger.finish(attempt, REJECTED);
    assert_eq!(ledger.strikes().definite(), 1);
}

#[test]
fn a_holder_that_is_gone_leaves_its_mark() {
    let mut ledger = Ledger::new([7; 32]);
    granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    ledger.vacate();
    granted(ledger.begin(secret("one"), &bid(2, 1), NOW));
    assert_eq!(ledger.strikes().possible(), 2);
}

#[test]
fn a_reset_forgets_all_but_the_attempt_that_is_on() {
    let mut ledger = full();
    ledger.reset(after(1));
    let strikes = ledger.strikes();
    assert_eq!((strikes.definite(), strikes.possible()), (0, 1));
    // How that one ends is news.
    let mut ledger = Ledger::new([7; 32]);
    let on = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    ledger.reset(after(1));
    ledger.finish(on, Settlement::Unresolved);
    assert_eq!(ledger.strikes().possible(), 1);
    ledger.reset(after(2));
    assert_eq!(ledger.strikes().possible(), 0);
}

#[test]
fn a_reset_forgets_an_attempt_whose_lease_is_over() {
    let mut ledger = Ledger::new([7; 32]);
    granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    ledger.reset(after(12));
    assert_eq!(ledger.strikes().possible(), 0);
}

#[test]
fn a_clock_that_was_wrong_for_a_while_shortens_no_wait() {
    let mut ledger = Ledger::new([7; 32]);
    for _ in 0..2 {
        let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), after(3_600)));
        ledger.finish(attempt, Settlement::Unresolved);
    }
    // An hour back, and right again.
    for seconds in [0, 3_660, 60, 4_499] {
        let error = ledger.begin(secret("one"), &bid(1, 2), after(seconds));
        assert_eq!(denied(error), ErrorKind::Unresolved, "{seconds}");
        ledger = reread(&ledger);
    }
    granted(ledger.begin(secret("one"), &bid(1, 2), after(4_500)));
}

/// The server may have seen the later attempt first: then the refusal is in its count still.
#[test]
fn a_refusal_that_is_told_while_a_later_attempt_is_on_outlives_the_success_of_that() {
    let mut ledger = Ledger::new([7; 32]);
    let old = granted(ledger.begin(secret("old"), &bid(1, 1), NOW));
    let new = granted(ledger.begin(secret("new"), &bid(1, 2), NOW));
    ledger.finish(old, REJECTED);
    let record = ledger.to_record(account());
    let mut ledger = Ledger::from_record(account(), &record).unwrap();
    ledger.finish(new, Settlement::Granted);
    assert_eq!(ledger.strikes().definite(), 1);

    let next = granted(ledger.begin(secret("new"), &bid(1, 3), NOW));
    ledger.finish(next, Settlement::Granted);
    assert_eq!(ledger.strikes().definite(), 0);
}

#[test]
fn a_lease_is_as_long_as_a_fetch_and_four_seconds() {
    assert_eq!(bid(1, 1).lease(), Duration::from_secs(12));
    let mut ledger = Ledger::new([7; 32]);
    assert!(!ledger.is_leased());
    let attempt = granted(ledger.begin(secret("one"), &bid(1, 1), NOW));
    assert!(ledger.is_leased());
    ledger.finish(attempt, Settlement::Granted);
    assert!(!ledger.is_leased());
}

#[test]
fn a_record_that_cannot_be_read_is_a_possible_strike() {
    let ledger = Ledger::unreadable([7; 32], NOW);
    assert_eq!(ledger.strikes().possible(), 1);
    assert_eq!(ledger.salt(), &[7; 32]);
}

#[test]
fn a_refusal_that_is_told_again_counts_once_whatever_has_cleared_it() {
    for clear in [
        |ledger: &mut Ledger| {
            let good = granted(ledger.begin(secret("good"), &bid(1, 2), NOW));
            ledger.finish(good, Settlement::Granted);
        },
        |ledger: &mut Ledger| ledger.reset(NOW),
    ] {
        let mut ledger = Ledger::new([7; 32]);
        let attempt = granted(ledger.begin(secret("bad"), &bid(1, 1), NOW));
        ledger.finish(attempt, REJECTED);
        ledger.finish(attempt, REJECTED);
        assert_eq!(ledger.strikes().definite(), 1);
        clear(&mut ledger);
        let mut ledger = reread(&ledger);
        ledger.finish(attempt, REJECTED);
        assert_eq!(ledger.strikes().definite(), 0);
    }
}
