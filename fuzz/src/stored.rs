//! What a store kept of an account: its record of attempts and its token, in files and on Redis.
//!
//! ```text
//! now 5000000000 1700000000000000000
//! token 7 1699999000000000000 3600000000000 0 Zq9.token
//!
//! attempts 7
//! rejected 5 ~f credentials
//! possible 7 1700000000000000000
//! ```
//!
//! Before the blank line the moment, and a token to be sealed: the number of its attempt, when it was
//! asked for, how long it lives, whether by the local clock, and its text; or `sealed` and what else is
//! in its place. After it the record, but for its first lines and its sum, which are added; where there
//! is a line `raw` in the head, all of it. `~f` stands for the fingerprint of the credentials.

mod account;
mod files;
mod ledger;
mod redis;
mod token;

use enkash_auth_tower::{
    Begin, StoredToken, TokenStore,
    core::{
        Moment, RefreshPolicy,
        strikes::{Bid, Holder, Ledger, Settlement, Unreadable},
    },
};

use self::account::Account;
use crate::text;

/// What is on disk, or on the wire.
struct Kept {
    now: Moment,
    record: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
}

/// What should come of it.
struct Meant {
    ledger: Option<Result<Ledger, Unreadable>>,
    token: Option<StoredToken>,
}

/// What cannot be read counts as one possible strike, what can means the same once it is written again,
/// and with leave for another attempt no more than two are on the record.
pub fn check(input: &[u8]) {
    Account::with(|account| {
        let Some(kept) = read(input, account) else {
            return;
        };
        let meant = Meant {
            ledger: kept
                .record
                .as_ref()
                .map(|record| ledger::check(account, record, kept.now)),
            token: kept
                .token
                .as_ref()
                .and_then(|token| token::check(account, token, kept.now)),
        };
        files::with(account, &kept, &meant);
        redis::with(account, &kept, &meant);
    });
}

/// A store reads what is meant, and does what follows.
async fn opened(store: &dyn TokenStore, account: &Account, kept: &Kept, meant: &Meant) {
    let (principal, now) = (&account.principal, kept.now);
    let tally = || async {
        let standing = store.load(principal, now).await.expect("it can be read");
        (
            standing.strikes.definite,
            standing.strikes.possible,
            standing.token,
        )
    };
    let (definite, possible, token) = tally().await;
    let expected = match &meant.ledger {
        None => (0, 0),
        Some(Err(_)) => (0, 1),
        Some(Ok(ledger)) => (ledger.strikes().definite(), ledger.strikes().possible()),
    };
    assert_eq!((definite, possible), expected);
    let readable = matches!(meant.ledger, Some(Ok(_)));
    let token_meant = meant.token.as_ref().filter(|_| readable);
    assert_eq!(token.is_some(), token_meant.is_some());
    if let (Some(token), Some(meant)) = (&token, token_meant) {
        assert_eq!(token.bearer(), meant.bearer());
        assert_eq!(token.edition(), meant.edition());
        assert_eq!(token.lifetime().length(), meant.lifetime().length());
    }
    let bid = Bid::new(Holder::new(1, 1), &RefreshPolicy::default());
    let known = token.as_ref().map(StoredToken::edition);
    let begin = store
        .begin(principal, bid, known, now)
        .await
        .expect("it can be written");
    let Begin::Granted(leave) = begin else {
        assert!(!matches!(begin, Begin::Found(_)), "it is no news");
        return;
    };
    let (definite, possible, _) = tally().await;
    assert!(
        (1..=2).contains(&(definite + possible)),
        "{definite} {possible}"
    );
    if !readable {
        assert_eq!((definite, possible), (0, expected.1 + 1));
    }
    let settled = store.finish(principal, &leave, Settlement::Harmless, None, now);
    let standing = settled.await.expect("it can be written");
    assert_eq!(standing.strikes.definite, definite);
    assert!(standing.strikes.possible < possible);
}

fn read(input: &[u8], account: &Account) -> Option<Kept> {
    let has_record = input.windows(2).any(|pair| pair == b"\n\n");
    let (head, body) = text::head_and_body(input);
    let mut kept = Kept {
        now: Moment::new(0, 0),
        record: None,
        token: None,
    };
    let mut is_raw = false;
    for line in head.split(|byte| *byte == b'\n').take(4) {
        let (name, value) = line.split_at(
            line.iter()
                .position(|byte| *byte == b' ')
                .unwrap_or(line.len()),
        );
        let value = value.get(1..).unwrap_or_default();
        match name {
            b"now" => {
                let (monotonic, unix) = std::str::from_utf8(value).ok()?.split_once(' ')?;
                let unix: u64 = unix.parse().ok()?;
                // In whole microseconds, as Redis has it.
                kept.now = Moment::new(monotonic.parse().ok()?, unix / 1_000 * 1_000);
            }
            b"token" => kept.token = Some(token::seal(account, std::str::from_utf8(value).ok()?)?),
            b"sealed" => kept.token = Some(value.to_vec()),
            b"raw" => is_raw = true,
            _ => return None,
        }
    }
    kept.record = has_record.then(|| match std::str::from_utf8(body) {
        Ok(body) if !is_raw => ledger::record(account, body).into_bytes(),
        _ => body.to_vec(),
    });
    Some(kept)
}
