use enkash_auth_core::{AccountId, Moment, strikes::Ledger};
use enkash_auth_tower::{BoxError, Principal, StoredToken};
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, timeout};

use crate::{
    keys::Keys,
    link::{LIMIT, Link},
    record::{Seen, Swap},
};

/// The keys of one account, over a connection.
pub(crate) struct Account<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) id: AccountId,
    pub(crate) connection: MultiplexedConnection,
    first: Option<Look>,
    started: Instant,
}

/// What stood there, and the server's time in nanoseconds since the Unix epoch.
type Look = (Seen, u64);

/// What stood there, and when.
pub(crate) struct Found {
    pub(crate) seen: Seen,
    /// The cache's clock.
    pub(crate) here: Moment,
    /// The cache's monotonic clock, and the server's wall clock.
    pub(crate) there: Moment,
}

impl<'a> Account<'a> {
    pub(crate) async fn open(link: &Link, keys: &'a Keys, id: AccountId) -> Result<Self, BoxError> {
        let started = Instant::now();
        let key = keys.ledger(id);
        let (connection, first) = match Self::reopen(link, &key).await? {
            Some(open) => open,
            None => {
                let mut connection = link.connect().await?;
                let first = Seen::read(&mut connection, &key).await?;
                (connection, first)
            }
        };
        Ok(Self {
            keys,
            id,
            connection,
            first: Some(first),
            started,
        })
    }

    /// The connection that is open, and what it reads under `key`. `None` where there is none, or it has
    /// ended since, or does not answer: a peer that is gone may never say so. Reading can be done again
    /// over another; later on it is not known what the server has done already.
    async fn reopen(
        link: &Link,
        key: &str,
    ) -> Result<Option<(MultiplexedConnection, Look)>, BoxError> {
        let Some(mut connection) = link.open() else {
            return Ok(None);
        };
        // A call has three round trips or more: over a link so slow it would not end in time.
        match timeout(LIMIT / 3, Seen::read(&mut connection, key)).await {
            Ok(Ok(first)) => return Ok(Some((connection, first))),
            Ok(Err(error)) if !error.is_unrecoverable_error() => return Err(error.into()),
            Ok(Err(_)) | Err(_) => link.close(),
        }
        Ok(None)
    }

    /// Whether it is too late for anything but to hear what the server has done.
    pub(crate) fn is_late(&self) -> bool {
        self.started.elapsed() >= LIMIT
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
    let left = token.lifetime().remaining(now);
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)
}
