use std::{collections::HashMap, time::Duration};

use enkash_auth_core::AccountKey;
use tokio::{runtime::Handle, time::sleep};

use super::Attempts;
use crate::{
    heartbeat::{Beating, Heartbeat},
    sync::{Arc, Mutex, Weak},
};

/// Sets how often a process that witnessed an attempt, a rejection, or an outcome that the store lacks polls
/// the record, with a jitter of a fifth: if the record was lost, it may be the only process to restore it.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Limits how late a heartbeat may be.
const LATE: Duration = POLL_INTERVAL.saturating_mul(4);

/// Tracks the tasks of a cache that poll records: one for each account that it uses.
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

    /// Records that the task of `account` does not outlive the cache any more.
    fn release(&self, account: AccountKey) {
        if let Some(polling) = self.0.lock().get_mut(&account) {
            polling.is_kept = false;
        }
    }
}

/// Polls until there is no reason to. `kept` holds what is not reported yet, of a cache that may be dropped.
async fn poll(
    attempts: Weak<Attempts>,
    mut kept: Option<Arc<Attempts>>,
    account: AccountKey,
    beating: Beating,
) {
    loop {
        sleep(POLL_INTERVAL.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        let is_kept = kept.is_some();
        let Some(attempts) = kept.take().or_else(|| attempts.upgrade()) else {
            return;
        };
        if !beating.beat(LATE) {
            return;
        }
        let is_polled = attempts.poll_record(account).await.is_ok();
        if !is_polled {
            attempts.meter().store_failed(account);
        }
        // What another cache of the process reported to its store, this store may lack.
        if is_polled && attempts.is_quiet(account) {
            return;
        }
        if is_kept && is_polled && attempts.is_reported(account) {
            attempts.polls().release(account);
        } else if is_kept {
            kept = Some(attempts);
        }
    }
}
