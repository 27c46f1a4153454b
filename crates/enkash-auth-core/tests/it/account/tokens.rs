//! The sealed tokens of a record.

use enkash_auth_core::account::{AccountRecord, AttemptId, AttemptOutcome};

use super::support::{Account, account, credentials};

/// 16 KiB in base64: a record holds two of them.
const HALF: usize = 12 * 1024;

fn keep(record: &mut AccountRecord, of: &mut Account, password: &str, sealed: &[u8]) -> AttemptId {
    let permit = of.attempt(password, AttemptOutcome::Granted);
    let expires = of.now.unix_nanos() + 1;
    record.keep_token(&permit, &credentials(password), sealed, expires, of.now);
    permit.id()
}

fn token(record: &AccountRecord, password: &str) -> Option<Vec<u8>> {
    let (_, sealed) = record.token(&credentials(password))?;
    Some(sealed)
}

fn count(record: &AccountRecord) -> usize {
    let bytes = record.to_bytes(account(), [5; 16]).expect("JSON");
    let text = String::from_utf8(bytes).expect("text");
    text.matches(r#""sealed":"#).count()
}

#[test]
fn newer_token_replaces_older_one() {
    let (mut record, mut of) = (AccountRecord::default(), Account::new());
    keep(&mut record, &mut of, "x", b"older");
    let id = keep(&mut record, &mut of, "x", b"newer");
    let newer = record.token(&credentials("x"));
    assert_eq!(newer, Some((id, b"newer".to_vec())));
    assert_eq!(count(&record), 1);
}

#[test]
fn token_of_other_credentials_is_kept_until_expiry() {
    let (mut record, mut of) = (AccountRecord::default(), Account::new());
    keep(&mut record, &mut of, "x", b"of x");
    keep(&mut record, &mut of, "y", b"of y");
    assert_eq!(token(&record, "x"), Some(b"of x".to_vec()));
    assert_eq!(token(&record, "y"), Some(b"of y".to_vec()));
    of.pass(std::time::Duration::from_nanos(1));
    keep(&mut record, &mut of, "z", b"of z");
    assert_eq!(count(&record), 1);
    assert_eq!(token(&record, "z"), Some(b"of z".to_vec()));
}

#[test]
fn third_token_evicts_first_when_room_is_full() {
    let (mut record, mut of) = (AccountRecord::default(), Account::new());
    keep(&mut record, &mut of, "x", &[1; HALF]);
    keep(&mut record, &mut of, "y", &[2; HALF]);
    assert_eq!(token(&record, "x"), Some(vec![1; HALF]));
    keep(&mut record, &mut of, "z", b"small");
    assert_eq!(token(&record, "x"), None);
    assert_eq!(token(&record, "y"), Some(vec![2; HALF]));
    assert_eq!(token(&record, "z"), Some(b"small".to_vec()));
}

#[test]
fn oversized_token_is_not_kept() {
    let (mut record, mut of) = (AccountRecord::default(), Account::new());
    keep(&mut record, &mut of, "x", &[1; 2 * HALF + 1]);
    assert_eq!(count(&record), 0);
}

#[test]
fn small_token_is_evicted_before_newer_large_one() {
    let (mut record, mut of) = (AccountRecord::default(), Account::new());
    keep(&mut record, &mut of, "x", b"small");
    keep(&mut record, &mut of, "y", &[2; 2 * HALF - 30]);
    assert_eq!(count(&record), 2);
    keep(&mut record, &mut of, "z", &[3; 60]);
    assert_eq!(count(&record), 1);
    assert_eq!(token(&record, "z"), Some(vec![3; 60]));
}
