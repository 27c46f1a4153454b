//! What a store keeps of an account.

mod attempts;
mod elsewhere;
mod record;

use std::time::Duration;

use enkash_auth_core::{
    AccountId, BaseUrl, Credentials, ErrorKind, Fingerprint, Moment, RefreshPolicy,
    strikes::{Attempt, Bid, Holder, Ledger, Opening, Settlement},
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
    keys(secret).ledger_fingerprint(&[7; 32])
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

fn reread(ledger: &Ledger) -> Ledger {
    Ledger::from_record(account(), &ledger.to_record(account())).unwrap()
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
