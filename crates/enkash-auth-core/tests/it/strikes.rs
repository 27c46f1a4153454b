//! How often a password is tried.

use std::time::Duration;

use enkash_auth_core::{
    Credentials, Error, ErrorKind, Fingerprint, Moment,
    strikes::{Attempt, Settlement, Strikes},
};

const NOW: Moment = Moment::new(0, 1_767_268_800_000_000_000);
const RETRY: Option<Duration> = Some(Duration::from_secs(900));
const REJECTED: Settlement = Settlement::Rejected(ErrorKind::Rejected);

fn secret(secret: &str) -> Fingerprint {
    Credentials::merchant("key", secret).ledger_fingerprint(&[0; 32])
}

fn begin(strikes: &mut Strikes, with: &str) -> Result<Attempt, Error> {
    strikes.begin(secret(with), NOW, RETRY)
}

fn attempt(strikes: &mut Strikes, with: &str, settlement: Settlement) {
    let attempt = begin(strikes, with).unwrap();
    strikes.settle(attempt, settlement);
}

#[test]
fn refused_credentials_are_never_tried_again() {
    let mut strikes = Strikes::default();
    attempt(
        &mut strikes,
        "old",
        Settlement::Rejected(ErrorKind::AccountLocked),
    );
    for _ in 0..5 {
        assert_eq!(
            begin(&mut strikes, "old").unwrap_err().kind(),
            ErrorKind::AccountLocked
        );
    }
    assert_eq!((strikes.definite(), strikes.possible()), (1, 0));
}

#[test]
fn an_attempt_is_on_the_record_before_it_is_settled() {
    let mut strikes = Strikes::default();
    begin(&mut strikes, "one").unwrap();
    assert_eq!(strikes.possible(), 1);
    begin(&mut strikes, "one").unwrap();
    // Killed twice in between: two possible strikes, and no third.
    assert_eq!(
        begin(&mut strikes, "one").unwrap_err().kind(),
        ErrorKind::Unresolved
    );
}

#[test]
fn one_definite_and_one_possible_strike_close_the_account_until_a_reset() {
    let mut strikes = Strikes::default();
    attempt(&mut strikes, "old", REJECTED);
    attempt(&mut strikes, "new", Settlement::Unresolved);
    let later = NOW.plus(Duration::from_secs(1_000_000));
    let error = strikes.begin(secret("newer"), later, RETRY).unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Rejected, None)
    );
    strikes.reset();
    begin(&mut strikes, "old").unwrap();
}

#[test]
fn possible_strikes_alone_are_tried_again_one_at_a_time() {
    let mut strikes = Strikes::default();
    for _ in 0..2 {
        attempt(&mut strikes, "one", Settlement::Unresolved);
    }
    let error = begin(&mut strikes, "one").unwrap_err();
    assert_eq!(error.retry_after(), RETRY);
    assert!(
        strikes
            .begin(secret("one"), NOW.plus(Duration::from_secs(899)), RETRY)
            .is_err()
    );
    let later = NOW.plus(Duration::from_secs(900));
    strikes.begin(secret("one"), later, RETRY).unwrap();
    assert!(strikes.begin(secret("one"), later, RETRY).is_err());
    assert_eq!(strikes.possible(), 2);

    let never = Strikes::clone(&strikes)
        .begin(secret("one"), later, None)
        .unwrap_err();
    assert_eq!(never.retry_after(), None);
}

#[test]
fn a_success_clears_every_strike() {
    let mut strikes = Strikes::default();
    attempt(&mut strikes, "old", REJECTED);
    attempt(&mut strikes, "new", Settlement::Granted);
    assert_eq!((strikes.definite(), strikes.possible()), (0, 0));
}

#[test]
fn a_success_of_others_makes_refused_credentials_no_better() {
    // One of a fleet has not heard of the new password yet.
    let mut strikes = Strikes::default();
    attempt(&mut strikes, "old", REJECTED);
    for _ in 0..20 {
        attempt(&mut strikes, "new", Settlement::Granted);
        let error = begin(&mut strikes, "old").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    // They do not take from the budget of others, either.
    attempt(&mut strikes, "newer", REJECTED);
    attempt(&mut strikes, "newest", Settlement::Granted);
    strikes.reset();
    assert!(begin(&mut strikes, "old").is_ok());
}

#[test]
fn what_never_reached_the_server_is_no_strike() {
    let mut strikes = Strikes::default();
    for _ in 0..100 {
        attempt(&mut strikes, "one", Settlement::Harmless);
    }
    assert_eq!(strikes.possible(), 0);
}

#[test]
fn an_interruption_counts_only_for_credentials_that_never_succeeded() {
    let mut strikes = Strikes::default();
    attempt(&mut strikes, "one", Settlement::Interrupted);
    assert_eq!(strikes.possible(), 1);
    attempt(&mut strikes, "one", Settlement::Granted);
    for _ in 0..5 {
        attempt(&mut strikes, "one", Settlement::Interrupted);
    }
    assert_eq!(strikes.possible(), 0);
    attempt(&mut strikes, "another", Settlement::Interrupted);
    assert_eq!(strikes.possible(), 1);
}

#[test]
fn a_late_refusal_still_counts() {
    let mut strikes = Strikes::default();
    let late = begin(&mut strikes, "old").unwrap();
    attempt(&mut strikes, "new", Settlement::Granted);
    strikes.settle(late, REJECTED);
    assert_eq!(
        begin(&mut strikes, "old").unwrap_err().kind(),
        ErrorKind::Rejected
    );
    assert!(begin(&mut strikes, "new").unwrap().is_proven());
}

#[test]
fn refused_credentials_are_no_longer_proven() {
    let mut strikes = Strikes::default();
    attempt(&mut strikes, "one", Settlement::Granted);
    attempt(&mut strikes, "one", REJECTED);
    attempt(&mut strikes, "two", Settlement::Granted);
    strikes.reset();
    assert!(!begin(&mut strikes, "one").unwrap().is_proven());
}

#[test]
fn the_kind_of_an_error_says_what_it_settles() {
    for (kind, settlement) in [
        (ErrorKind::Rejected, REJECTED),
        (
            ErrorKind::AccountLocked,
            Settlement::Rejected(ErrorKind::AccountLocked),
        ),
        (ErrorKind::Forbidden, Settlement::Unresolved),
        (ErrorKind::Unresolved, Settlement::Unresolved),
        (ErrorKind::Unavailable, Settlement::Harmless),
        (ErrorKind::InvalidAnswer, Settlement::Harmless),
        (ErrorKind::Misconfigured, Settlement::Harmless),
    ] {
        assert_eq!(
            Settlement::of_answer(&Error::new(kind, "")),
            settlement,
            "{kind:?}"
        );
    }
}

#[test]
fn an_attempt_that_is_still_on_keeps_its_mark_when_an_older_one_is_granted() {
    let mut strikes = Strikes::default();
    let older = begin(&mut strikes, "one").unwrap();
    let newer = begin(&mut strikes, "one").unwrap();
    strikes.settle(older, Settlement::Granted);
    assert_eq!(strikes.possible(), 1);
    strikes.settle(newer, Settlement::Unresolved);
    assert_eq!(strikes.possible(), 1);
}

#[test]
fn a_late_success_clears_no_refusal_of_a_later_attempt() {
    let mut strikes = Strikes::default();
    let late = begin(&mut strikes, "right").unwrap();
    attempt(&mut strikes, "wrong", REJECTED);
    strikes.settle(late, Settlement::Granted);
    assert_eq!(
        begin(&mut strikes, "wrong").unwrap_err().kind(),
        ErrorKind::Rejected
    );
    assert_eq!((strikes.definite(), strikes.possible()), (1, 0));
}

#[test]
fn a_late_success_does_not_prove_credentials_that_were_refused_since() {
    let mut strikes = Strikes::default();
    let late = begin(&mut strikes, "one").unwrap();
    attempt(&mut strikes, "one", REJECTED);
    strikes.settle(late, Settlement::Granted);
    strikes.reset();
    assert!(!begin(&mut strikes, "one").unwrap().is_proven());
}

#[test]
fn an_attempt_settles_its_own_mark_and_no_other() {
    let mut strikes = Strikes::default();
    begin(&mut strikes, "one").unwrap();
    attempt(&mut strikes, "one", Settlement::Harmless);
    assert_eq!(strikes.possible(), 1);
}

#[test]
fn credentials_differ_in_whatever_is_sent() {
    use enkash_auth_core::{Client, User};
    let of = |change: fn(Credentials) -> Credentials| {
        let plain = Credentials::password(Client::new("id", "secret"), User::new("user", "pw"));
        change(plain).ledger_fingerprint(&[0; 32])
    };
    let all = [
        of(|plain| plain),
        of(|plain| plain.company_id("A")),
        of(|plain| plain.company_id("B")),
        of(|plain| plain.api_key("A")),
        of(|plain| plain.form_field("scope", "A")),
        of(|plain| plain.form_field("audience", "A")),
    ];
    for (nth, one) in all.iter().enumerate() {
        assert_eq!(all.iter().filter(|other| *other == one).count(), 1, "{nth}");
    }
}

/// A reset forgets an attempt that is on, and so does not its answer.
#[test]
fn a_late_success_makes_credentials_no_better_that_were_refused_since() {
    let mut strikes = Strikes::default();
    let late = begin(&mut strikes, "old").unwrap();
    strikes.reset();
    attempt(&mut strikes, "old", REJECTED);
    attempt(&mut strikes, "new", Settlement::Granted);
    strikes.settle(late, Settlement::Granted);
    let error = begin(&mut strikes, "old").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}
