//! The gate before every password attempt, one per process.
//!
//! 1. An attempt is on the record before its password is sent, whoever makes it.
//! 2. One attempt per account is on at a time; who finds one waits, as it would for a lease.
//! 3. The record outlives every cache: one that is built per request by mistake locks nobody out.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use enkash_auth_core::{
    AccountId, Error, ErrorKind, Moment, RefreshPolicy,
    strikes::{Attempt, Settlement, Strikes},
};

use crate::{endpoint::TokenEndpoint, sync::Mutex};

/// How long an attempt keeps others waiting beyond the time a fetch may take, should it never end.
const GRACE: Duration = Duration::from_secs(4);

/// Its memory is that of the accounts this process has ever asked for.
static LEDGER: LazyLock<Mutex<HashMap<AccountId, Account>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Account {
    strikes: Strikes,
    lease: Option<Lease>,
}

struct Lease {
    holder: Holder,
    attempt: u64,
    end: Moment,
}

/// Who makes an attempt: a flight of a cache.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    pub(super) cache: u64,
    pub(super) flight: u64,
}

/// What the gate says.
pub(super) enum Begin {
    /// Send the password, once.
    Granted(Leave),
    /// Somebody else's attempt is on: come again.
    Busy,
    /// Send nothing.
    Denied(Error),
}

/// Leave for one attempt. Dropped without being settled, the attempt counts as interrupted.
pub(super) struct Leave {
    account: AccountId,
    attempt: Attempt,
    settled: bool,
}

/// Asks for leave, in the name of `holder`. A cache has one flight at a time: a lease of an earlier
/// one is that of a flight it abandoned, and to be taken over; a lease of a later one says that this
/// one is abandoned itself.
pub(super) fn begin(
    endpoint: &TokenEndpoint,
    holder: Holder,
    now: Moment,
    policy: &RefreshPolicy,
) -> Begin {
    let id = endpoint.account();
    let mut ledger = LEDGER.lock();
    let account = ledger.entry(id).or_default();
    if let Some(lease) = account
        .lease
        .as_ref()
        .filter(|lease| !lease.end.is_over(now))
    {
        if lease.holder.cache != holder.cache {
            return Begin::Busy;
        }
        if lease.holder.flight > holder.flight {
            return Begin::Denied(abandoned());
        }
    }
    match account
        .strikes
        .begin(endpoint.fingerprint(), now, policy.retry_unresolved_after)
    {
        Err(error) => Begin::Denied(error),
        Ok(attempt) => {
            account.lease = Some(Lease {
                holder,
                attempt: attempt.number(),
                end: now
                    .plus(policy.fetch_timeout.saturating_add(GRACE))
                    .on_monotonic(),
            });
            Begin::Granted(Leave {
                account: id,
                attempt,
                settled: false,
            })
        }
    }
}

/// For a flight that nobody waits for any more.
pub(super) fn abandoned() -> Error {
    Error::new(ErrorKind::Unavailable, "the fetch was given up")
}

/// The definite and the possible strikes of an account.
pub(crate) fn strikes(account: AccountId) -> (usize, usize) {
    let ledger = LEDGER.lock();
    let strikes = ledger.get(&account).map(|account| &account.strikes);
    strikes.map_or((0, 0), |strikes| (strikes.definite(), strikes.possible()))
}

impl Leave {
    /// Whether these credentials were the last to succeed.
    pub(super) fn is_proven(&self) -> bool {
        self.attempt.is_proven()
    }

    pub(super) fn settle(mut self, settlement: Settlement) {
        self.record(settlement);
    }

    fn record(&mut self, settlement: Settlement) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        if let Some(account) = LEDGER.lock().get_mut(&self.account) {
            account.strikes.settle(self.attempt, settlement);
            account
                .lease
                .take_if(|lease| lease.attempt == self.attempt.number());
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.record(Settlement::Interrupted);
    }
}
