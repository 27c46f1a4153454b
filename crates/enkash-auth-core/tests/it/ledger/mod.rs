//! What a store keeps of an account.

mod elsewhere;

use std::time::Duration;

use enkash_auth_core::{
    AccountId, BaseUrl, Credentials, ErrorKind, Fingerprint, Moment, RefreshPolicy,
    strikes::{Attempt, Bid, Holder, Ledger, Opening, Settlement, Unreadable},
};

const NOW: Moment = Moment::new(0, 1_767_268_800_000_000_000);
const REJECTED: Settlement = Settlement::Rejected(ErrorKind::Rejected);

fn keys(secret: &str) -> Credentials {
    Credentials::merchant("key", secret)
}

fn account() -> AccountId {
    let base: BaseUrl = "https://api.enkash.in".parse().unwrap();
    keys("any").account(&base)
}

fn secret(secret: &str) -> Fingerprint {
    keys(secret).fingerprint(&[7; 32])
}

fn bid(cache: u64, flight: u64) -> Bid {
    Bid::new(Holder::new(cache, flight), &RefreshPolicy::default())
}

fn granted(opening: Opening) -> Attempt {
    match opening {
        Opening::Granted(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

fn denied(opening: Opening) -> ErrorKind {
    match opening {
        Opening::Denied(error) => error.kind(),
        other => panic!("{other:?}"),
    }
}

fn after(seconds: u64) -> Moment {
    NOW.plus(Duration::from_secs(seconds))
}

/// One with a line of each kind.
fn full() -> Ledger {
    let mut ledger = Ledger::new([7; 32]);
    for (with, settlement) in [
        ("old", REJECTED),
        ("good", Settlement::Granted),
        ("bad", REJECTED),
    ] {
        let attempt = granted(ledger.begin(secret(with), &bid(1, 1), NOW));
        ledger.finish(attempt, settlement);
    }
    granted(ledger.begin(secret("good"), &bid(1, 2), NOW));
    ledger
}

fn reread(ledger: &Ledger) -> Ledger {
    Ledger::from_record(account(), &ledger.to_record(account())).unwrap()
}

#[test]
fn a_record_keeps_everything() {
    let mut ledger = reread(&full());
    assert_eq!(ledger.salt(), &[7; 32]);
    let strikes = ledger.strikes();
    assert_eq!((strikes.definite(), strikes.possible()), (1, 1));
    assert!(matches!(
        ledger.begin(secret("good"), &bid(2, 1), after(11)),
        Opening::Busy
    ));
    assert_eq!(
        denied(ledger.begin(secret("bad"), &bid(2, 1), after(12))),
        ErrorKind::Rejected
    );
    assert_eq!(
        denied(ledger.begin(secret("old"), &bid(2, 1), after(12))),
        ErrorKind::Rejected
    );
    assert_eq!(
        full().to_record(account()),
        reread(&full()).to_record(account())
    );
    // The next attempt has a number of its own.
    ledger.reset(after(12));
    let attempt = granted(ledger.begin(secret("good"), &bid(2, 1), after(12)));
    assert_eq!(attempt.number(), 5);
    assert!(attempt.is_proven());
}

#[test]
fn a_refusal_keeps_its_kind() {
    let mut ledger = Ledger::new([7; 32]);
    let attempt = granted(ledger.begin(secret("bad"), &bid(1, 1), NOW));
    ledger.finish(attempt, Settlement::Rejected(ErrorKind::AccountLocked));
    assert_eq!(
        denied(reread(&ledger).begin(secret("bad"), &bid(1, 2), NOW)),
        ErrorKind::AccountLocked
    );
}

#[test]
fn a_record_shows_no_name_and_no_secret() {
    let record = full().to_record(account());
    for word in ["key", "good", "bad"] {
        assert!(!record.contains(word), "{word} in {record}");
    }
}

#[test]
fn a_torn_record_is_not_believed() {
    let record = full().to_record(account());
    for end in 0..record.len() {
        assert!(
            Ledger::from_record(account(), record.get(..end).unwrap()).is_err(),
            "{end}"
        );
    }
}

#[test]
fn a_changed_record_is_not_believed() {
    let record = full().to_record(account());
    for place in 0..record.len() {
        let mut bytes = record.clone().into_bytes();
        bytes[place] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(Ledger::from_record(account(), &changed).is_err(), "{place}");
    }
    let longer = record.replace("\nsha256", "\nproven 00\nsha256");
    assert_eq!(
        Ledger::from_record(account(), &longer).unwrap_err(),
        Unreadable::Damaged
    );
}

#[test]
fn the_record_of_another_account_is_not_believed() {
    let base: BaseUrl = "https://elsewhere.example".parse().unwrap();
    let record = full().to_record(keys("any").account(&base));
    assert_eq!(
        Ledger::from_record(account(), &record).unwrap_err(),
        Unreadable::Foreign
    );
}

#[test]
fn another_version_is_not_guessed_at() {
    let record = full().to_record(account());
    for version in ["0", "2", "18446744073709551616", "x", ""] {
        let other = record.replacen("ledger 1", &format!("ledger {version}"), 1);
        assert_eq!(
            Ledger::from_record(account(), &other).unwrap_err(),
            Unreadable::Version
        );
    }
}

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
