use std::time::Duration;

use enkash_auth_core::{
    Bearer, Credentials, Timestamp,
    account::{AttemptId, Unreadable},
    lifetime::Lifetime,
};
use zeroize::Zeroizing;

use crate::{BoxError, endpoint::TokenEndpoint};

/// Holds a token from the store, and the attempt that obtained it.
#[derive(Clone, Debug)]
pub struct StoredToken {
    pub id: AttemptId,
    pub bearer: Bearer,
    pub lifetime: Lifetime,
}

/// Seals a token so that only the credentials of `endpoint` open it. `now` is the clock of this process, `at` the
/// store's wall clock in nanoseconds since the Unix epoch: they may differ.
pub fn seal(
    endpoint: &TokenEndpoint,
    bearer: &Bearer,
    lifetime: &Lifetime,
    now: Timestamp,
    at: u64,
) -> Result<Vec<u8>, BoxError> {
    let bearer = bearer.expose().as_bytes();
    // Allocated in full: growing would leave copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(24 + bearer.len()));
    for number in [
        at.saturating_sub(nanos(lifetime.age(now))),
        nanos(lifetime.length().unwrap_or_default()),
        u64::from(lifetime.is_local()),
    ] {
        plain.extend_from_slice(&number.to_le_bytes());
    }
    plain.extend_from_slice(bearer);
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)?;
    Ok(endpoint
        .credentials()
        .seal(salt, &context(endpoint), &plain)?)
}

/// Opens what [`seal`] sealed for the attempt `id`.
pub fn open(
    endpoint: &TokenEndpoint,
    id: AttemptId,
    sealed: &[u8],
    now: Timestamp,
    at: u64,
) -> Result<StoredToken, Unreadable> {
    let plain = Credentials::open(endpoint.credentials(), &context(endpoint), sealed);
    let plain = plain.ok_or(Unreadable::Damaged)?;
    let (sent, rest) = number(&plain)?;
    let (length, rest) = number(rest)?;
    let (is_local, bearer) = number(rest)?;
    let age = at.checked_sub(sent).ok_or(Unreadable::Damaged)?;
    let length = Duration::from_nanos(length);
    if length > Lifetime::LONGEST {
        return Err(Unreadable::Damaged);
    }
    let bearer = std::str::from_utf8(bearer).map_err(|_| Unreadable::Damaged)?;
    let sent = now - Duration::from_nanos(age);
    Ok(StoredToken {
        id,
        bearer: Bearer::new(bearer).map_err(|_| Unreadable::Damaged)?,
        lifetime: Lifetime::kept(sent, length, is_local != 0),
    })
}

fn context(endpoint: &TokenEndpoint) -> Vec<u8> {
    format!("enkash-auth token {:x}", endpoint.account()).into_bytes()
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), Unreadable> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Unreadable::Damaged)?;
    Ok((u64::from_le_bytes(*number), rest))
}
