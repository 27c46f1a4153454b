use std::time::Duration;

use enkash_auth_tower::core::{
    Moment, RefreshPolicy,
    strikes::{Bid, Holder, Ledger, Opening, Settlement, Unreadable},
};
use sha2::{Digest, Sha256};

use super::account::{Account, SALT};
use crate::text;

/// A record with `lines` in it, and the right sum.
pub(super) fn record(account: &Account, lines: &str) -> String {
    let lines = text::fill(lines, &[('f', &account.fingerprint)]);
    let head = format!(
        "enkash-auth ledger 1\naccount {}\nsalt {}\n",
        account.id,
        hex(&SALT)
    );
    let text = format!("{head}{}\n", lines.trim_end_matches('\n'));
    format!("{text}sha256 {}\n", hex(&Sha256::digest(&text)))
}

/// The ledger that `record` is.
pub(super) fn check(account: &Account, record: &[u8], now: Moment) -> Result<Ledger, Unreadable> {
    let id = account.principal.account();
    let text = std::str::from_utf8(record).map_err(|_| Unreadable::Damaged)?;
    let ledger = Ledger::from_record(id, text)?;
    let written = ledger.to_record(id);
    let again = read_again(account, &written);
    assert_eq!(again.strikes().definite(), ledger.strikes().definite());
    assert_eq!(again.strikes().possible(), ledger.strikes().possible());
    let other = account.other.ledger_fingerprint(&[0; 32]);
    assert_ne!(account.principal.ledger_fingerprint(&[0; 32]), other);
    a_byte_counts(account, text);
    attempts_are_bounded(account, ledger.clone(), now);
    Ok(ledger)
}

fn read_again(account: &Account, written: &str) -> Ledger {
    let id = account.principal.account();
    let again = Ledger::from_record(id, written).expect("what was written can be read");
    assert_eq!(again.to_record(id), written);
    again
}

/// Whichever is changed, the record is not believed.
fn a_byte_counts(account: &Account, text: &str) {
    let sum: usize = text.bytes().map(usize::from).sum();
    let mut changed = text.as_bytes().to_vec();
    let at = sum % changed.len();
    changed[at] ^= 1;
    if let Ok(changed) = std::str::from_utf8(&changed) {
        assert!(Ledger::from_record(account.principal.account(), changed).is_err());
    }
}

/// However it began, and whoever comes when.
fn attempts_are_bounded(account: &Account, mut ledger: Ledger, mut now: Moment) {
    for flight in 1..=4 {
        let principal = if flight % 2 == 0 {
            &account.other
        } else {
            &account.principal
        };
        let fingerprint = principal.ledger_fingerprint(ledger.salt());
        let written = ledger.to_record(principal.account());
        let refused = format!(" {fingerprint:x} ");
        let is_refused = written
            .lines()
            .any(|line| line.starts_with("rejected") && line.contains(&refused));
        let bid = Bid::new(Holder::new(1, flight), &RefreshPolicy::default());
        if let Opening::Granted(attempt) = ledger.begin(fingerprint, &bid, now) {
            assert!(!is_refused, "{written}");
            let strikes = ledger.strikes();
            assert!(strikes.definite() + strikes.possible() <= 2, "{written}");
            let settlement =
                [Settlement::Unresolved, Settlement::Harmless][usize::from(flight == 3)];
            ledger.finish(attempt, settlement);
            assert!(!ledger.is_leased());
        }
        read_again(account, &ledger.to_record(principal.account()));
        now = now.plus(Duration::from_secs(600));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
