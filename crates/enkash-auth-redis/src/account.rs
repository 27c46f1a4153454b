use std::time::Duration;

use enkash_auth_core::{AccountId, Moment, strikes::Ledger};
use enkash_auth_tower::{BoxError, Principal, StoredToken};
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use crate::{
    keys::Keys,
    link::Link,
    record::{Seen, Swap},
};

/// The keys of one account, over a connection.
pub(crate) struct Account<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) id: AccountId,
    pub(crate) connection: MultiplexedConnection,
    first: Option<(Seen, u64)>,
    started: Instant,
}

/// What stood there, and the server's time.
pub(crate) struct Found {
    pub(crate) seen: Seen,
    /// The cache's clock.
    pub(crate) here: Moment,
    /// The cache's monotonic clock, and the server's wall clock.
    pub(crate) there: Moment,
}

impl<'a> Account<'a> {
    /// Finds out whether the connection works: one that was open may have ended since, and then there
    /// is another, once. Later on it is not known what the server has done already.
    pub(crate) async fn open(link: &Link, keys: &'a Keys, id: AccountId) -> Result<Self, BoxError> {
        let started = Instant::now();
        let key = keys.ledger(id);
        let (mut connection, was_open) = link.connection().await?;
        let first = match Seen::read(&mut connection, &key).await {
            Err(error) if was_open && error.is_unrecoverable_error() => {
                link.close();
                (connection, _) = link.connection().await?;
                Seen::read(&mut connection, &key).await?
            }
            first => first?,
        };
        Ok(Self {
            keys,
            id,
            connection,
            first: Some(first),
            started,
        })
    }

    pub(crate) async fn look(&mut self, now: Moment) -> Result<Found, BoxError> {
        let (seen, at) = match self.first.take() {
            Some(first) => first,
            None => Seen::read(&mut self.connection, &self.keys.ledger(self.id)).await?,
        };
        // The server read its clock no later than this: a token is taken to be older, not younger.
        let here = now.plus(self.started.elapsed());
        Ok(Found {
            seen,
            here,
            there: Moment::new(here.monotonic_nanos(), at),
        })
    }

    /// The token of `principal`. One that cannot be used is none, and is overwritten one day.
    pub(crate) async fn token(
        &mut self,
        principal: &Principal,
        ledger: &Ledger,
        found: &Found,
    ) -> Result<(Seen, Option<StoredToken>), BoxError> {
        let key = self.keys.token(principal, ledger.salt());
        let (seen, at) = Seen::read(&mut self.connection, &key).await?;
        let opened = match seen.value() {
            None => return Ok((seen, None)),
            Some(value) => value.and_then(|sealed| principal.open(sealed, found.here, at)),
        };
        let token = match opened {
            Ok(token) => Some(token),
            Err(why) => {
                tracing::warn!(account = %self.id, %why, "the stored token cannot be used");
                None
            }
        };
        Ok((seen, token))
    }

    pub(crate) async fn swap(
        &mut self,
        principal: &Principal,
        ledger: &Ledger,
        found: &Found,
        token: &Seen,
        keep: bool,
        granted: Option<(Vec<u8>, u64)>,
    ) -> Result<bool, BoxError> {
        let (key, bad) = (self.keys.ledger(self.id), self.keys.bad(self.id));
        let token_key = self.keys.token(principal, ledger.salt());
        let swap = Swap {
            keys: [&key, &token_key, &bad],
            ledger: &found.seen,
            token,
            record: &ledger.to_record(self.id),
            keep,
            granted,
        };
        swap.write(&mut self.connection).await
    }
}

/// How many milliseconds are left of a token.
pub(crate) fn remaining(token: &StoredToken, now: Moment) -> u64 {
    let lifetime = token.lifetime();
    let age = now
        .monotonic_nanos()
        .saturating_sub(lifetime.sent().monotonic_nanos());
    let length = lifetime.length().unwrap_or_default();
    let left = length.saturating_sub(Duration::from_nanos(age));
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)
}
