use std::{collections::HashMap, time::Duration};

use enkash_auth_core::AccountKey;
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::Attempts;
use crate::{
    heartbeat::{Beating, Heartbeat},
    sync::{Arc, Mutex, Weak},
};

/// Sets how often a process that witnessed an attempt, a rejection, or an outcome that the store lacks polls
/// the record, with a jitter of a fifth: if the record was lost, it may be the only process to restore it.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Sets how soon an outcome that the store lacks is reported; then after twice that, and so on up to the interval
/// above. Meanwhile the attempt blocks the account, or another store that took over does not know it.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Limits how late a heartbeat may be.
const LATE: Duration = POLL_INTERVAL.saturating_mul(4);

/// Tracks the tasks that poll records: one for each account that is not quiet.
#[derive(Debug, Default)]
pub struct RecordPolls(Mutex<HashMap<AccountKey, Polling>>);

#[derive(Debug, Default)]
struct Polling {
    heartbeat: Heartbeat,
    /// Whether the task outlives the cache.
    is_kept: bool,
}

impl RecordPolls {
    /// Spawns a task that polls the record of `account`, unless one is running. Until all `is_reported` to the
    /// store, the task outlives the cache of `attempts`.
    pub fn start(&self, attempts: &Arc<Attempts>, account: AccountKey, is_reported: bool) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let started = {
            let mut polls = self.0.lock();
            let polling = polls.entry(account).or_default();
            let replaces = !is_reported && !polling.is_kept;
            let started = polling.heartbeat.start(LATE, replaces);
            if started.is_some() {
                polling.is_kept = !is_reported;
            }
            started
        };
        if let Some(beating) = started {
            let kept = (!is_reported).then(|| Arc::clone(attempts));
            runtime.spawn(poll(Arc::downgrade(attempts), kept, account, beating));
        }
    }

    /// Ends the task of `account` if that `is_quiet`: the store has just got all that was witnessed.
    pub fn stop(&self, account: AccountKey, is_quiet: impl FnOnce() -> bool) {
        let mut polls = self.0.lock();
        // Under the lock: what is witnessed from now on starts another task.
        if is_quiet()
            && let Some(polling) = polls.remove(&account)
        {
            polling.heartbeat.stop();
        }
    }

    /// Forgets the task of `account`, unless another has replaced it.
    fn end(&self, account: AccountKey, beating: &Beating) {
        let mut polls = self.0.lock();
        if beating.beat(LATE) {
            polls.remove(&account);
        }
    }

    /// Records that the task of `account` does not outlive the cache any more, if all `is_reported`. Returns whether
    /// it is.
    fn release(&self, account: AccountKey, is_reported: impl FnOnce() -> bool) -> bool {
        let mut polls = self.0.lock();
        // Under the lock: what is not reported from now on starts another task.
        let is_reported = is_reported();
        if is_reported && let Some(polling) = polls.get_mut(&account) {
            polling.is_kept = false;
        }
        is_reported
    }
}

/// Polls until there is no reason to. `kept` holds what is not reported yet, of a cache that may be dropped.
async fn poll(
    attempts: Weak<Attempts>,
    mut kept: Option<Arc<Attempts>>,
    account: AccountKey,
    beating: Beating,
) {
    let mut interval = match kept {
        Some(_) => REPORT_INTERVAL,
        None => POLL_INTERVAL,
    };
    loop {
        sleep(interval.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        interval = POLL_INTERVAL.min(interval * 2);
        let is_kept = kept.is_some();
        let Some(attempts) = kept.take().or_else(|| attempts.upgrade()) else {
            return;
        };
        if !beating.beat(LATE) {
            return;
        }
        // In the queue of a store, newer calls come first: after long, it begins to wait anew.
        let polled = timeout(POLL_INTERVAL, attempts.poll_record(account)).await;
        let is_polled = matches!(polled, Ok(Ok(_)));
        if !is_polled {
            attempts.meter().store_failed(account);
        }
        // What another cache of the process reported to its store, this store may lack.
        if is_polled && attempts.is_quiet(account) {
            attempts.polls().end(account, &beating);
            drop(beating);
            // It may not be quiet any more.
            attempts.keep_polling(account);
            return;
        }
        let is_reported = || is_polled && attempts.is_reported(account);
        if is_kept && !attempts.polls().release(account, is_reported) {
            kept = Some(attempts);
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/record_polls.rs"]
mod tests;
