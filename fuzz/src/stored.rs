//! The stored record of an account.
//!
//! ```text
//! now 5000000000 1700000000000000000
//!
//! "attempts":[{"id":"~1","fingerprint":"~f","began":1700000000000000000,"lease":14000,"state":"open"}]
//! ```
//!
//! Before the blank line the timestamp; after it the record's JSON without its braces, its first two fields
//! and its frame, which are added. With a line `raw` in the head, the whole record. `~f` and `~g` stand for
//! the fingerprints of two credentials of the account, `~1` to `~9` for ids.

use std::{fmt::Write, time::Duration};

use enkash_auth_core::{
    AccountKey, BaseUrl, Credentials, Timestamp,
    account::{
        AccountRecord, Acquire, Attempt, AttemptContext, AttemptId, AttemptOutcome, BUDGET, Facts,
        Unreadable, Witness,
    },
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::text;

const LEASE: Duration = Duration::from_secs(14);

/// Two credentials of one account.
struct Account {
    id: AccountKey,
    credentials: [Credentials; 2],
}

/// Checks that a parsed record survives a round trip, that a changed byte is detected, and that no third
/// attempt is granted.
pub fn check(input: &[u8]) {
    let account = Account::new();
    let Some((now, bytes)) = account.kept(input) else {
        return;
    };
    let record = match AccountRecord::from_bytes(account.id, &bytes) {
        Ok(record) => {
            is_read_again(&account, &record);
            is_not_believed_if_changed(&account, &bytes);
            record
        }
        Err(Unreadable::Newer) => {
            assert!(!bytes.starts_with(b"enkash-auth record 1\n"));
            return;
        }
        Err(_) => {
            let mut record = AccountRecord::in_place_of(&bytes, now);
            is_closed_until_reset(&account, &mut record.clone(), now);
            is_read_again(&account, &record);
            // So that the following steps start with a record.
            let before = record.facts().clone();
            let _ = record
                .facts_mut()
                .reset(&before, true, &Witness::default(), now);
            record
        }
    };
    for credentials in &account.credentials {
        let _ = record.token(credentials).map(|(_, sealed)| {
            let _ = credentials.open(b"context", &sealed);
        });
    }
    // Several continuations.
    for seed in 0..4 {
        keeps_the_budget(&account, record.clone(), now, seed);
    }
}

fn is_read_again(account: &Account, record: &AccountRecord) {
    let written = record.to_bytes(account.id, [3; 16]).expect("it is JSON");
    let again = AccountRecord::from_bytes(account.id, &written).expect("it was written");
    assert_eq!(&again, record);
    assert_eq!(again.to_bytes(account.id, [3; 16]).ok(), Some(written));
}

fn is_not_believed_if_changed(account: &Account, bytes: &[u8]) {
    let sum: usize = bytes.iter().copied().map(usize::from).sum();
    let mut changed = bytes.to_vec();
    let at = sum % changed.len();
    changed[at] ^= 1;
    let read = AccountRecord::from_bytes(account.id, &changed);
    assert!(read.is_err(), "the byte at {at} was changed");
    let other = Credentials::merchant("other", "secret").account(&base());
    assert!(AccountRecord::from_bytes(other, bytes).is_err());
}

fn is_closed_until_reset(account: &Account, record: &mut AccountRecord, now: Timestamp) {
    let mut witness = Witness::default();
    let facts = record.facts_mut();
    for now in [now, now + Duration::from_secs(1_000_000)] {
        assert_eq!(facts.attempts().len(), BUDGET);
        witness.see(facts, now);
        let ctx = account.context(0, 1, None);
        assert!(matches!(
            facts.acquire(&ctx, &witness, now),
            Acquire::Denied(_)
        ));
    }
    let before = facts.clone();
    assert!(facts.reset(&before, false, &witness, now));
    let ctx = account.context(0, 2, None);
    assert!(matches!(
        facts.acquire(&ctx, &witness, now),
        Acquire::Granted(_)
    ));
}

/// Checks the strike budget over attempts of both credentials, some time apart, with any outcome.
fn keeps_the_budget(account: &Account, mut record: AccountRecord, mut now: Timestamp, seed: usize) {
    const PROBES: [Option<bool>; 3] = [None, Some(true), Some(false)];
    const OUTCOMES: [AttemptOutcome; 7] = [
        AttemptOutcome::Unresolved { complete: false },
        AttemptOutcome::Uncounted,
        AttemptOutcome::Rejected { guessed: true },
        AttemptOutcome::Granted,
        AttemptOutcome::Rejected { guessed: false },
        AttemptOutcome::Unresolved { complete: true },
        AttemptOutcome::Locked,
    ];
    let mut witness = Witness::default();
    for step in 0..12 {
        let ctx = account.context((step + seed) % 2, step + 1, PROBES[(step / 2 + seed) % 3]);
        witness.see(record.facts(), now);
        let before = record.facts().clone();
        let acquired = record.facts_mut().acquire(&ctx, &witness, now);
        if let Acquire::Granted(permit) = &acquired {
            is_allowed(&before, &ctx, &witness, now);
            let facts = record.facts();
            let is_there = |attempt: &Attempt| attempt.id() == ctx.id;
            assert!(facts.attempts().iter().any(is_there), "{facts:?}");
            let outcome = OUTCOMES[(step * (seed + 1) + seed) % OUTCOMES.len()];
            let is_open = record.facts_mut().record_outcome(permit, outcome, now);
            assert!(is_open, "nothing came between");
            if outcome == AttemptOutcome::Granted {
                record.keep_token(permit, ctx.credentials, b"sealed", now.unix_nanos(), now);
            }
            witness.record_outcome(permit, outcome, now);
        }
        is_read_again(account, &record);
        witness.observe(record.facts());
        // A deleted record, restored by a process that has its content.
        if step == 6 {
            let mut empty = AccountRecord::default();
            empty.facts_mut().merge(witness.facts());
            let is_ended = |attempt: &&Attempt| !attempt.is_open();
            let count = |facts: &Facts| facts.attempts().iter().filter(is_ended).count();
            assert!(count(empty.facts()) >= count(record.facts()));
        }
        let before = record.facts().clone();
        if step == 9 && record.facts_mut().reset(&before, true, &witness, now) {
            assert!(record.facts().is_quiet());
            witness.observe(record.facts());
        }
        let pause = [1, 20, 600, 1_000][(step + seed) % 4];
        now = now + Duration::from_secs(pause);
    }
}

/// Returns whether `before` allows an attempt of `ctx`, by its JSON.
fn is_allowed(before: &Facts, ctx: &AttemptContext<'_>, witness: &Witness, now: Timestamp) {
    for attempt in before.attempts() {
        assert!(!attempt.is_open() || !witness.is_lease_on(attempt, now));
    }
    let json = serde_json::to_value(before).expect("it is JSON");
    let items = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    let is_own = |item: &Value| is_fingerprint_of(ctx.credentials, &item["fingerprint"]);
    let (attempts, rejected) = (items("attempts"), items("rejected"));
    assert!(!rejected.iter().any(is_own), "{json}");
    let was_rejected = |item: &&Value| item["state"] == "rejected" || item["state"] == "guessed";
    assert!(!attempts.iter().filter(was_rejected).any(is_own), "{json}");
    let is_lost = |item: &Value| item["state"] == "open" || item["state"] == "no-response";
    let is_known_good = is_own(&json["success"]);
    assert!(
        attempts.len() < BUDGET
            || is_known_good && attempts.iter().all(|item| is_own(item) && is_lost(item)),
        "{json}"
    );
}

/// Returns whether `fingerprint`, which contains its salt, is that of `credentials`.
fn is_fingerprint_of(credentials: &Credentials, fingerprint: &Value) -> bool {
    let text = fingerprint.as_str().unwrap_or_default();
    let mut salt = [0; 16];
    for (at, byte) in salt.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(number) => *byte = number,
            Err(_) => return false,
        }
    }
    serde_json::to_value(credentials.fingerprint(salt)).is_ok_and(|own| own == *fingerprint)
}

fn base() -> BaseUrl {
    "https://token.example".parse().expect("it is an address")
}

impl Account {
    fn new() -> Self {
        let credentials = ["secret-key", "another"];
        let credentials = credentials.map(|secret| Credentials::merchant("access-key", secret));
        let id = credentials[0].account(&base());
        Self { id, credentials }
    }

    fn context(&self, of: usize, number: usize, probe: Option<bool>) -> AttemptContext<'_> {
        AttemptContext {
            id: AttemptId::new([number as u8; 16]),
            salt: [number as u8; 16],
            credentials: &self.credentials[of],
            lease: LEASE,
            retry_unresolved_after: None,
            probe,
        }
    }

    /// Returns the timestamp and the stored record.
    fn kept(&self, input: &[u8]) -> Option<(Timestamp, Vec<u8>)> {
        let (head, body) = text::head_and_body(input);
        let head = std::str::from_utf8(head).ok()?;
        let (mut now, mut is_raw) = (Timestamp::new(0, 0), false);
        for line in head.lines().take(4) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["now", monotonic, unix] => {
                    now = Timestamp::new(monotonic.parse().ok()?, unix.parse().ok()?);
                }
                ["raw"] => is_raw = true,
                _ => return None,
            }
        }
        let bytes = match std::str::from_utf8(body) {
            Ok(body) if !is_raw => self.record(body).into_bytes(),
            _ => body.to_vec(),
        };
        Some((now, bytes))
    }

    /// Returns a record with `fields` and the right checksum.
    fn record(&self, fields: &str) -> String {
        let [own, other] = [0, 1].map(|of| {
            let fingerprint = self.credentials[of].fingerprint([7; 16]);
            let text = serde_json::to_value(fingerprint).ok();
            text.and_then(|text| text.as_str().map(str::to_owned))
                .unwrap_or_default()
        });
        let mut fields = text::fill(fields.trim_end(), &[('f', &own), ('g', &other)]);
        for id in '1'..='9' {
            fields = text::fill(&fields, &[(id, &id.to_string().repeat(32))]);
        }
        let comma = if fields.is_empty() { "" } else { "," };
        let json = format!(
            r#"{{"write":"{}","account":"{:x}"{comma}{fields}}}"#,
            "0".repeat(32),
            self.id
        );
        let mut sum = String::new();
        for byte in Sha256::digest(&json) {
            write!(sum, "{byte:02x}").expect("a string takes it");
        }
        format!("enkash-auth record 1\n{json}\nsha256 {sum}\n")
    }
}
