//! The record of an account as text.

use enkash_auth_core::{
    BaseUrl, ErrorKind,
    strikes::{Ledger, Opening, Settlement, Unreadable},
};

use super::{NOW, account, after, bid, denied, full, granted, keys, reread, secret};

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

/// What other versions of this crate have written, and will read.
#[test]
fn a_record_of_version_1_reads_like_this() {
    let record = "\
enkash-auth ledger 1
account 6d169b9cbc8fc277c1cfa3c50944293f33d490cc94a2814b0603a6c122476331
salt 0707070707070707070707070707070707070707070707070707070707070707
attempts 4
rejected 3 93fd227476f5f5def8f4205e546bb4351cc3b559b55ec3204f30e23e92b7ad49 credentials
refused 1 8e0a943dc6dec504ba106f6b5d03763772d4345f89bf3a7b9a0d74dfaae19cdf credentials
possible 4 1767268800000000000
proven 872a37cc4ffb470fb6320c03f61819574cfaa6b4281631fa760a0922e4f362ad
lease 1 2 4 1767268800000000000 1767268812000000000
heard 0707070707070707 1
heard 0707070707070707 3
sha256 89062cac0312ed2f226dca218cba7efe610b308a37a4fd67eb1532f4bea73188
";
    assert_eq!(full().to_record(account()), record);
    assert!(Ledger::from_record(account(), record).is_ok());
}

#[test]
fn an_unreadable_one_says_why() {
    for (why, says) in [
        (Unreadable::Damaged, "it is damaged"),
        (Unreadable::Version, "it is of an unknown version"),
        (Unreadable::Time, "its times make no sense"),
    ] {
        assert_eq!(why.to_string(), says);
    }
}
