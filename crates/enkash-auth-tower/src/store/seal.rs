use std::time::Duration;

use enkash_auth_core::{Bearer, Moment, lifetime::Lifetime, strikes::Unreadable};

use super::{Edition, Principal, StoredToken};
use crate::BoxError;

/// What a sealed token starts with: a name and a version.
const HEAD: [u8; 4] = *b"EKT\x01";

impl Principal {
    /// `token`, sealed so that only this principal opens it. `now` is the cache's clock, `at` the
    /// store's wall clock, in nanoseconds since the Unix epoch: they may differ.
    ///
    /// # Errors
    ///
    /// Where the system has no random numbers.
    pub fn seal(&self, token: &StoredToken, now: Moment, at: u64) -> Result<Vec<u8>, BoxError> {
        let lifetime = token.lifetime();
        let age = lifetime.age(now);
        let length = lifetime.length().unwrap_or_default();
        let (era, number) = token.edition().parts();
        let bearer = token.bearer().expose().as_bytes();
        // Sized, for growing would leave copies behind.
        let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(64 + bearer.len()));
        plain.extend_from_slice(&era);
        for number in [
            number,
            at.saturating_sub(nanos(age)),
            nanos(length),
            u64::from(lifetime.is_local()),
        ] {
            plain.extend_from_slice(&number.to_le_bytes());
        }
        plain.extend_from_slice(bearer);
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        let sealed = self.credentials().seal(salt, &self.context(), &plain)?;
        Ok([&HEAD[..], &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) sealed, on the cache's clocks; `at` as there.
    ///
    /// # Errors
    ///
    /// Where it cannot be used.
    pub fn open(&self, sealed: &[u8], now: Moment, at: u64) -> Result<StoredToken, Unreadable> {
        let [name @ .., version] = HEAD;
        let sealed = sealed.strip_prefix(&name).ok_or(Unreadable::Damaged)?;
        let sealed = match sealed.split_first() {
            Some((found, sealed)) if *found == version => sealed,
            Some(_) => return Err(Unreadable::Version),
            None => return Err(Unreadable::Damaged),
        };
        let plain = self.credentials().open(&self.context(), sealed)?;
        let (era, rest) = plain.split_first_chunk().ok_or(Unreadable::Damaged)?;
        let (edition, rest) = number(rest)?;
        let (sent, rest) = number(rest)?;
        let (length, rest) = number(rest)?;
        let (is_local, bearer) = number(rest)?;
        let age = at.checked_sub(sent).ok_or(Unreadable::Time)?;
        let length = Duration::from_nanos(length);
        if length > Lifetime::LONGEST {
            return Err(Unreadable::Time);
        }
        let bearer = std::str::from_utf8(bearer).map_err(|_| Unreadable::Damaged)?;
        let bearer = Bearer::new(bearer).map_err(|_| Unreadable::Damaged)?;
        let sent = now.minus(Duration::from_nanos(age));
        Ok(StoredToken::new(
            bearer,
            Lifetime::kept(sent, length, is_local != 0),
            Edition::from_parts(*era, edition),
        ))
    }

    fn context(&self) -> Vec<u8> {
        format!("enkash-auth token {:x}", self.account()).into_bytes()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), Unreadable> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Unreadable::Damaged)?;
    Ok((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use enkash_auth_core::{BaseUrl, Credentials, strikes::Unreadable};

    use super::*;

    const NOW: Moment = Moment::new(0, 1_767_268_800_000_000_000);

    const DAY: Duration = Duration::from_secs(86_400);

    fn principal(base: &str) -> Principal {
        let base: BaseUrl = base.parse().unwrap();
        Principal::new(&base, Credentials::merchant("key", "secret"))
    }

    fn sealed(length: Duration) -> Vec<u8> {
        let lifetime = Lifetime::kept(NOW, length, true);
        let edition = Edition::from_parts([1; 8], 7);
        let token = StoredToken::new(Bearer::new("one").unwrap(), lifetime, edition);
        principal("https://api.enkash.in")
            .seal(&token, NOW, NOW.unix_nanos())
            .unwrap()
    }

    #[test]
    fn a_token_comes_back_as_it_was_and_as_old_as_it_is_by_then() {
        let later = NOW.plus(Duration::from_secs(60));
        let opened = principal("https://api.enkash.in")
            .open(&sealed(DAY), later, later.unix_nanos())
            .unwrap();
        assert_eq!(opened.bearer().expose(), "one");
        assert_eq!(opened.edition(), Edition::from_parts([1; 8], 7));
        let lifetime = opened.lifetime();
        assert_eq!(lifetime.length(), Some(DAY));
        assert!(lifetime.is_local());
        assert_eq!(lifetime.sent().plus(Duration::from_secs(60)), later);
    }

    #[test]
    fn the_same_credentials_of_another_account_do_not_open_it() {
        let opened =
            principal("https://elsewhere.example").open(&sealed(DAY), NOW, NOW.unix_nanos());
        assert_eq!(opened.unwrap_err(), Unreadable::Foreign);
    }

    #[test]
    fn one_from_the_future_is_not_believed() {
        let opened =
            principal("https://api.enkash.in").open(&sealed(DAY), NOW, NOW.unix_nanos() - 1);
        assert_eq!(opened.unwrap_err(), Unreadable::Time);
    }
}
