//! What each call of the store does: read, ask the ledger, and write if nobody came between.

use std::time::Duration;

use enkash_auth_core::{
    Grant, Moment,
    strikes::{Bid, Ledger, Opening, Settlement},
};
use enkash_auth_tower::{Begin, BoxError, Edition, Leave, Principal, Standing, StoredToken};
use tokio::time::sleep;

use crate::{
    account::{Account, remaining},
    link::late,
    record::Swap,
};

/// How often somebody else may come between before a call is given up. Each time that one's is done: as many
/// replicas at once as nobody has, and more than fit into the time of a call.
const TRIES: u32 = 64;

impl Account<'_> {
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
                let ledger = Ledger::unreadable([0; 32], found.there);
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
            let fingerprint = principal.ledger_fingerprint(ledger.salt());
            let begin = match ledger.begin(fingerprint, bid, found.there) {
                Opening::Busy => return Ok(Begin::Busy),
                Opening::Denied(error) => Begin::Denied(error),
                Opening::Granted(attempt) => {
                    Begin::Granted(Leave::new(attempt, Edition::new(&ledger, &attempt)))
                }
            };
            let record = ledger.to_record(self.id);
            if self.is_late() {
                return Err(late());
            }
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
            let held = token.as_ref().map(StoredToken::edition);
            if let Some(grant) = grant.filter(|_| is_known)
                && let Some(fresh) = leave.news(grant, held)
            {
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
}

/// Lets the other one be done.
async fn pause() {
    sleep(Duration::from_millis(fastrand::u64(1..=10))).await;
}

fn crowded() -> BoxError {
    "too many others change the same record".into()
}
