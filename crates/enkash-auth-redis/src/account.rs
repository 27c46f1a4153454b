use std::time::Duration;

use enkash_auth_core::{
    AccountId, Grant, Moment,
    strikes::{Bid, Ledger, Opening, Settlement},
};
use enkash_auth_tower::{Begin, BoxError, Edition, Leave, Principal, Standing, StoredToken};
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep};

use crate::{
    keys::Keys,
    link::Link,
    record::{Seen, Swap},
};

/// How often somebody else may come between before a call is given up. Each time that one's is done.
const TRIES: u32 = 64;

/// The keys of one account, over a connection.
pub(crate) struct Account<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) id: AccountId,
    pub(crate) connection: MultiplexedConnection,
    first: Option<(Seen, u64)>,
    started: Instant,
}

/// What stood there, and the server's time.
struct Found {
    seen: Seen,
    /// The cache's clock.
    here: Moment,
    /// The cache's monotonic clock, and the server's wall clock.
    there: Moment,
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

    pub(crate) async fn load(
        mut self,
        principal: &Principal,
        now: Moment,
    ) -> Result<Standing, BoxError> {
        let found = self.look(now).await?;
        let ledger = match found.seen.ledger(self.id) {
            None => return Ok(Standing::default()),
            Some(Ok(ledger)) => ledger,
            // What is to be done about it is for whoever writes.
            Some(Err(_)) => {
                let mut ledger = Ledger::new([0; 32]);
                ledger.record_possible(found.there);
                return Ok(Standing::new(&ledger, None));
            }
        };
        let (_, token) = self.token(principal, &ledger, &found).await?;
        Ok(Standing::new(&ledger, token))
    }

    pub(crate) async fn begin(
        mut self,
        principal: &Principal,
        bid: &Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> Result<Begin, BoxError> {
        for _ in 0..TRIES {
            let found = self.look(now).await?;
            let (mut ledger, keep) = found.seen.ledger_or_new(self.id, found.there)?;
            let (seen_token, token) = self.token(principal, &ledger, &found).await?;
            if let Some(token) = token.filter(|token| token.edition().is_news_to(known)) {
                return Ok(Begin::Found(token));
            }
            let before = ledger.to_record(self.id);
            let fingerprint = principal.fingerprint(ledger.salt());
            let begin = match ledger.begin(fingerprint, bid, found.there) {
                Opening::Busy => return Ok(Begin::Busy),
                Opening::Denied(error) => Begin::Denied(error),
                Opening::Granted(attempt) => {
                    Begin::Granted(Leave::new(attempt, Edition::new(&ledger, &attempt)))
                }
            };
            let record = ledger.to_record(self.id);
            // Who is denied looks again every few seconds: that need not write.
            let is_done = (record == before && !keep)
                || self
                    .swap(principal, &ledger, &found, &seen_token, keep, None)
                    .await?;
            if is_done {
                return Ok(begin);
            }
            pause().await;
        }
        Err(crowded())
    }

    pub(crate) async fn finish(
        mut self,
        principal: &Principal,
        leave: &Leave,
        settlement: Settlement,
        grant: Option<&Grant>,
        now: Moment,
    ) -> Result<Standing, BoxError> {
        for _ in 0..TRIES {
            let found = self.look(now).await?;
            let (mut ledger, keep) = found.seen.ledger_or_new(self.id, found.there)?;
            let (seen_token, mut token) = self.token(principal, &ledger, &found).await?;
            let before = ledger.to_record(self.id);
            let is_known = leave.settle(&mut ledger, principal, settlement, found.there);
            let mut granted = None;
            if let Some(grant) = grant.filter(|_| is_known)
                && leave
                    .edition()
                    .is_news_to(token.as_ref().map(StoredToken::edition))
            {
                let fresh =
                    StoredToken::new(grant.bearer().clone(), *grant.lifetime(), leave.edition());
                let sealed = principal.seal(&fresh, found.here, found.there.unix_nanos())?;
                granted = Some((sealed, remaining(&fresh, found.here)));
                token = Some(fresh);
            }
            let is_idle = granted.is_none() && !keep && ledger.to_record(self.id) == before;
            if is_idle
                || self
                    .swap(principal, &ledger, &found, &seen_token, keep, granted)
                    .await?
            {
                return Ok(Standing::new(&ledger, token));
            }
            pause().await;
        }
        Err(crowded())
    }

    pub(crate) async fn reset(mut self, now: Moment) -> Result<(), BoxError> {
        for _ in 0..TRIES {
            let found = self.look(now).await?;
            let (mut ledger, keep) = found.seen.ledger_or_new(self.id, found.there)?;
            let before = ledger.to_record(self.id);
            ledger.reset(found.there);
            let record = ledger.to_record(self.id);
            if record == before && !keep {
                return Ok(());
            }
            let (key, bad) = (self.keys.ledger(self.id), self.keys.bad(self.id));
            // No token is written, so none is looked at.
            let swap = Swap {
                keys: [&key, &key, &bad],
                ledger: &found.seen,
                token: &found.seen,
                record: &record,
                keep,
                granted: None,
            };
            if swap.write(&mut self.connection).await? {
                return Ok(());
            }
            pause().await;
        }
        Err(crowded())
    }

    async fn look(&mut self, now: Moment) -> Result<Found, BoxError> {
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
    async fn token(
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

    async fn swap(
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
fn remaining(token: &StoredToken, now: Moment) -> u64 {
    let lifetime = token.lifetime();
    let age = now
        .monotonic_nanos()
        .saturating_sub(lifetime.sent().monotonic_nanos());
    let length = lifetime.length().unwrap_or_default();
    let left = length.saturating_sub(Duration::from_nanos(age));
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Lets the other one be done.
async fn pause() {
    sleep(Duration::from_millis(fastrand::u64(1..=10))).await;
}

fn crowded() -> BoxError {
    "too many others change the same record".into()
}
