//! The record as bytes.

use enkash_auth_core::{
    Credentials,
    account::{AccountRecord, AttemptOutcome, Unreadable},
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::support::{
    Account, CLOSED, GUESSED, LOST, REJECTED, REJECTED_BEFORE, Verdict, account, credentials,
};
use crate::support::{SENT, secs};

const WRITE: [u8; 16] = [5; 16];

fn record() -> AccountRecord {
    let mut of = Account::known_good("good");
    let permit = of.attempt("good", AttemptOutcome::Granted);
    let mut record = AccountRecord::default();
    record.keep_token(&permit, &credentials("good"), b"sealed", u64::MAX, of.now);
    of.attempt("x", REJECTED);
    of.attempt("y", LOST);
    *record.facts_mut() = of.facts;
    record
}

fn bytes() -> Vec<u8> {
    record().to_bytes(account(), WRITE).expect("JSON")
}

/// A record of this JSON, with a valid checksum.
fn sealed(json: &str) -> Vec<u8> {
    let sum: String = Sha256::digest(json)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("enkash-auth record 1\n{json}\nsha256 {sum}\n").into_bytes()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    let text = std::str::from_utf8(bytes).expect("text");
    serde_json::from_str(text.lines().nth(1).expect("a second line")).expect("JSON")
}

#[test]
fn record_round_trips() {
    assert_eq!(AccountRecord::from_bytes(account(), &bytes()), Ok(record()));
}

#[test]
fn every_write_has_different_bytes() {
    let again = record().to_bytes(account(), [6; 16]).expect("JSON");
    assert_ne!(again, bytes());
    assert_eq!(AccountRecord::from_bytes(account(), &again), Ok(record()));
}

#[test]
fn record_of_another_account_is_damaged() {
    let other = Credentials::merchant("key", "secret");
    let other = other.account(&"https://api.enkash.in".parse().expect("a base address"));
    assert_eq!(
        AccountRecord::from_bytes(other, &bytes()),
        Err(Unreadable::Damaged)
    );
}

#[test]
fn newer_format_is_not_damaged() {
    for format in ["2", "3", "4294967295"] {
        for rest in ["\nanything", "\n", "\n{}\nsha256 00\n"] {
            let bytes = format!("enkash-auth record {format}{rest}");
            let read = AccountRecord::from_bytes(account(), bytes.as_bytes());
            assert_eq!(read, Err(Unreadable::Newer), "{bytes}");
        }
    }
}

#[test]
fn flipped_bit_is_detected() {
    let bytes = bytes();
    let digit = "enkash-auth record ".len();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let read = AccountRecord::from_bytes(account(), &flipped);
            // A larger digit looks like a newer format.
            let newer = at == digit && (b'2'..=b'9').contains(&flipped[at]);
            let expected = if newer {
                Unreadable::Newer
            } else {
                Unreadable::Damaged
            };
            assert_eq!(read, Err(expected), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn truncated_record_is_damaged_at_each_length() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        let read = AccountRecord::from_bytes(account(), &bytes[..length]);
        assert_eq!(read, Err(Unreadable::Damaged), "{length}");
    }
    let mut longer = bytes;
    longer.push(b'\n');
    assert_eq!(
        AccountRecord::from_bytes(account(), &longer),
        Err(Unreadable::Damaged)
    );
}

#[test]
fn unknown_fields_are_kept_at_each_level() {
    let mut value = json(&bytes());
    value["later"] = serde_json::json!({"a": [1, null, "x"]});
    for list in ["attempts", "cleared", "rejected", "tokens"] {
        value[list][0]["later"] = serde_json::json!(list);
    }
    value["success"]["later"] = true.into();
    let mut record =
        AccountRecord::from_bytes(account(), &sealed(&value.to_string())).expect("a record");

    // Like a process with older facts that makes an attempt.
    record.facts_mut().merge(self::record().facts());
    let mut of = Account::new();
    of.facts = record.facts().clone();
    of.reset(false);
    *record.facts_mut() = of.facts;
    let written = json(&record.to_bytes(account(), WRITE).expect("JSON"));
    assert_eq!(written["later"], value["later"]);
    // Cleared items may lose their fields.
    for list in ["cleared", "rejected", "tokens"] {
        assert_eq!(written[list][0]["later"], list, "{list}");
    }
    assert_eq!(written["success"]["later"], true);

    let again =
        AccountRecord::from_bytes(account(), &sealed(&value.to_string())).expect("a record");
    assert_eq!(
        json(&again.to_bytes(account(), WRITE).expect("JSON")),
        value
    );
}

#[test]
fn missing_lists_are_empty() {
    let value = json(&bytes());
    let least = serde_json::json!({"write": value["write"], "account": value["account"]});
    let record = AccountRecord::from_bytes(account(), &sealed(&least.to_string()));
    assert_eq!(record, Ok(AccountRecord::default()));
}

#[test]
fn damaged_record_counts_two_until_reset() {
    let record = AccountRecord::in_place_of(b"damaged", SENT);
    let mut of = Account::known_good("good");
    of.witness.observe(&of.facts.clone());
    of.facts = record.facts().clone();
    of.facts.merge(&of.witness.facts().clone());
    assert_eq!(of.counted(), 2);
    for _ in 0..2 {
        assert_eq!(of.verdict("good"), CLOSED);
        assert_eq!(of.verdict_after("good", Some(true)), CLOSED);
        of.pass(secs(365 * 86_400));
    }
    assert!(of.reset(false));
    assert_eq!(of.verdict("good"), Verdict::Granted);
}

#[test]
fn damaged_record_keeps_witnessed_facts() {
    let mut of = Account::new();
    of.attempt("x", REJECTED);
    of.attempt("y", GUESSED);
    of.witness.observe(&of.facts.clone());
    of.facts = AccountRecord::in_place_of(b"damaged", SENT).facts().clone();
    of.facts.merge(&of.witness.facts().clone());
    assert_eq!(of.counted(), 4);
    assert!(of.reset(false));
    assert_eq!(of.verdict("x"), REJECTED_BEFORE);
}

#[test]
fn damaged_record_ids_derive_from_its_bytes() {
    let ids = |bytes: &[u8], now| {
        let record = AccountRecord::in_place_of(bytes, now);
        let attempts = record.facts().attempts();
        attempts
            .iter()
            .map(enkash_auth_core::account::Attempt::id)
            .collect::<Vec<_>>()
    };
    let one = ids(b"damaged", SENT);
    assert_eq!(one, ids(b"damaged", SENT + secs(100)));
    assert!(ids(b"damages", SENT).iter().all(|id| !one.contains(id)));
    assert_ne!(one[0], one[1]);
}

#[test]
fn replacement_stores_hash_of_damaged_bytes() {
    let record = AccountRecord::in_place_of(b"damaged", SENT);
    let value = json(&record.to_bytes(account(), WRITE).expect("JSON"));
    let sum: String = Sha256::digest(b"damaged")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(value["replaces"], sum);
}

#[test]
fn token_is_kept_for_its_credentials_only() {
    let record = record();
    let token = record.token(&credentials("good")).expect("a token");
    assert_eq!(token.1, b"sealed");
    assert!(record.token(&credentials("other")).is_none());
}

#[test]
fn bytes_and_debug_hold_no_secret() {
    let mut of = Account::new();
    of.attempt("hunter2-password", REJECTED);
    let mut record = AccountRecord::default();
    *record.facts_mut() = of.facts;
    let bytes = record.to_bytes(account(), WRITE).expect("JSON");
    let text = String::from_utf8(bytes).expect("text") + &format!("{record:?}");
    for secret in ["hunter2", "secret\"", "user\""] {
        assert!(!text.contains(secret), "{text}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AccountRecord::from_bytes(account(), &bytes);
        let _ = AccountRecord::in_place_of(&bytes, SENT);
    }

    #[test]
    fn random_sealed_text_never_panics(text in ".{0,300}") {
        let _ = AccountRecord::from_bytes(account(), &sealed(&text));
    }

    #[test]
    fn changed_json_never_panics(at in 0..2000_usize, with in "[0-9a-z{}\\[\\]\",:-]{0,4}") {
        let mut text = json(&bytes()).to_string();
        let at = at.min(text.len());
        text.replace_range(at..(at + with.len()).min(text.len()), &with);
        if let Ok(record) = AccountRecord::from_bytes(account(), &sealed(&text)) {
            let bytes = record.to_bytes(account(), WRITE).expect("JSON");
            prop_assert_eq!(AccountRecord::from_bytes(account(), &bytes), Ok(record));
        }
    }
}

#[test]
fn unreadable_record_error_names_the_cause() {
    for (why, text) in [
        (Unreadable::Damaged, "damaged"),
        (Unreadable::Newer, "newer release"),
    ] {
        assert!(why.to_string().contains(text), "{why}");
    }
}

#[test]
fn newer_format_need_not_be_text() {
    let read = AccountRecord::from_bytes(account(), b"enkash-auth record 2\n\xff\xfe");
    assert_eq!(read, Err(Unreadable::Newer));
}

#[test]
fn replacement_round_trips() {
    for n in 0..8 {
        let record = AccountRecord::in_place_of(&[n], SENT);
        let bytes = record.to_bytes(account(), WRITE).expect("JSON");
        assert_eq!(AccountRecord::from_bytes(account(), &bytes), Ok(record));
    }
}

#[test]
fn unsorted_lists_are_sorted_on_read() {
    let mut value = json(&bytes());
    for list in ["attempts", "cleared"] {
        let items = value[list].as_array_mut().expect("a list");
        items.reverse();
        items.push(items[0].clone());
    }
    let read = AccountRecord::from_bytes(account(), &sealed(&value.to_string()));
    assert_eq!(read, Ok(record()));
}
