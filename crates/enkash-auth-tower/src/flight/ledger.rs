//! The gate before every password attempt, one per process.
//!
//! 1. An attempt is on the record before its password is sent, whoever makes it.
//! 2. One attempt per account is on at a time; who finds one waits, as it would for a lease.
//! 3. The record outlives every cache: one that is built per request by mistake locks nobody out.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use enkash_auth_core::{
    AccountId, Error, Moment,
    strikes::{Attempt, Settlement, Strikes},
};

use crate::{endpoint::TokenEndpoint, sync::Mutex};

/// How long an attempt keeps others waiting: the fetch limit plus 4 s, for one that never ends.
const LEASE: Duration = Duration::from_secs(12);

static LEDGER: LazyLock<Mutex<HashMap<AccountId, Account>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Account {
    strikes: Strikes,
    lease: Option<Lease>,
}

struct Lease {
    /// The cache whose flight holds it.
    holder: u64,
    number: u64,
    end: Moment,
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

/// Asks for leave, in the name of the cache `holder`. A cache has one flight at a time: what it
/// held before is that of a flight it abandoned.
pub(super) fn begin(
    endpoint: &TokenEndpoint,
    holder: u64,
    now: Moment,
    retry_unresolved_after: Option<Duration>,
) -> Begin {
    let id = endpoint.account();
    let mut ledger = LEDGER.lock();
    let account = ledger.entry(id).or_default();
    if let Some(lease) = &account.lease
        && lease.holder != holder
        && !lease.end.is_over(now)
    {
        return Begin::Busy;
    }
    match account
        .strikes
        .begin(endpoint.fingerprint(), now, retry_unresolved_after)
    {
        Err(error) => Begin::Denied(error),
        Ok(attempt) => {
            account.lease = Some(Lease {
                holder,
                number: attempt.number(),
                end: now.plus(LEASE).on_monotonic(),
            });
            Begin::Granted(Leave {
                account: id,
                attempt,
                settled: false,
            })
        }
    }
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
                .take_if(|lease| lease.number == self.attempt.number());
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.record(Settlement::Interrupted);
    }
}
