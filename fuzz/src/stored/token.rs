use std::time::Duration;

use enkash_auth_tower::{
    StoredToken,
    core::{Bearer, Moment},
};

use super::account::{Account, SALT};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What `Principal::seal` makes of such a token.
pub(super) fn seal(account: &Account, token: &str) -> Option<Vec<u8>> {
    let mut words = token.splitn(5, ' ');
    let mut plain = [7; 8].to_vec();
    for _ in 0..4 {
        let number: u64 = words.next()?.parse().ok()?;
        plain.extend_from_slice(&number.to_le_bytes());
    }
    plain.extend_from_slice(words.next()?.as_bytes());
    let context = format!("enkash-auth token {}", account.id);
    let sealed = account.credentials.seal(SALT, context.as_bytes(), &plain);
    Some([b"EKT\x01".as_slice(), &sealed.expect("it is short")].concat())
}

/// The token that `sealed` is.
pub(super) fn check(account: &Account, sealed: &[u8], now: Moment) -> Option<StoredToken> {
    let at = now.unix_nanos();
    let token = account.principal.open(sealed, now, at).ok()?;
    let lifetime = token.lifetime();
    assert!(lifetime.length().is_none_or(|length| length <= DAY));
    assert!(lifetime.sent().monotonic_nanos() <= now.monotonic_nanos());
    assert!(Bearer::new(token.bearer().expose()).is_ok());
    assert!(
        account.other.open(sealed, now, at).is_err(),
        "others open it"
    );
    let sum: usize = sealed.iter().copied().map(usize::from).sum();
    let mut changed = sealed.to_vec();
    changed[sum % sealed.len()] ^= 1;
    assert!(
        account.principal.open(&changed, now, at).is_err(),
        "it was changed"
    );
    sealed_again(account, &token, now);
    Some(token)
}

fn sealed_again(account: &Account, token: &StoredToken, now: Moment) {
    let at = now.unix_nanos();
    let sealed = account
        .principal
        .seal(token, now, at)
        .expect("there are random numbers");
    let text = token.bearer().expose().as_bytes();
    if text.len() > 8 {
        assert!(
            !sealed.windows(text.len()).any(|part| part == text),
            "it is in clear"
        );
    }
    let again = account
        .principal
        .open(&sealed, now, at)
        .expect("it was sealed");
    assert_eq!(again.bearer(), token.bearer());
    assert_eq!(again.edition(), token.edition());
    assert_eq!(again.lifetime().length(), token.lifetime().length());
    assert_eq!(again.lifetime().is_local(), token.lifetime().is_local());
    assert_eq!(
        again.lifetime().sent().monotonic_nanos(),
        token.lifetime().sent().monotonic_nanos()
    );
}
