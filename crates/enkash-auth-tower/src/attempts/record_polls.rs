use std::{collections::HashMap, time::Duration};

use enkash_auth_core::AccountKey;
use tokio::{runtime::Handle, time::sleep};

use super::Attempts;
use crate::{
    heartbeat::{Beating, Heartbeat},
    meter,
    sync::{Arc, Mutex, Weak},
};

/// How often a process that witnessed an attempt, a rejection, or an outcome that the store lacks, looks at
/// the record, give or take a fifth: if the record was lost, it may be the only process to restore it.
const LOOK: Duration = Duration::from_secs(5);

/// How late a heartbeat may be.
const LATE: Duration = LOOK.saturating_mul(4);

/// Tracks the tasks of a cache that look at records: one for each account that it uses.
#[derive(Debug, Default)]
pub(super) struct RecordPolls(Mutex<HashMap<AccountKey, Heartbeat>>);

impl RecordPolls {
    /// Spawns a task that looks at `account`, unless one is on already. Until all `is_reported` to the
    /// store, the task outlives the cache of `attempts`.
    pub(super) fn start(&self, attempts: &Arc<Attempts>, account: AccountKey, is_reported: bool) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let heartbeat = self.0.lock().entry(account).or_default().clone();
        if let Some(beating) = heartbeat.start(LATE, !is_reported) {
            let kept = (!is_reported).then(|| Arc::clone(attempts));
            runtime.spawn(look(Arc::downgrade(attempts), kept, account, beating));
        }
    }
}

/// Looks until there is no reason to. `kept` holds what is not reported yet, of a cache that may be gone.
async fn look(
    attempts: Weak<Attempts>,
    mut kept: Option<Arc<Attempts>>,
    account: AccountKey,
    beating: Beating,
) {
    loop {
        sleep(LOOK.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        let is_kept = kept.is_some();
        let Some(attempts) = kept.take().or_else(|| attempts.upgrade()) else {
            return;
        };
        if !beating.goes_on(LATE) {
            return;
        }
        if attempts.look(account).await.is_err() {
            meter::store_failed(account);
        }
        if attempts.is_quiet(account) {
            return;
        }
        kept = (is_kept && !attempts.is_reported(account)).then_some(attempts);
    }
}
