use std::{collections::HashMap, time::Duration};

use enkash_auth_core::AccountKey;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::Attempts;
use crate::{
    meter,
    sync::{Arc, Mutex, Weak},
};

/// How often a process that witnessed an attempt, a rejection, or an outcome that the store lacks, looks at
/// the record, give or take a fifth: if the record was lost, it may be the only process to restore it.
const LOOK: Duration = Duration::from_secs(5);

/// When a task that was to look is considered lost with its runtime.
const LOST: Duration = LOOK.saturating_mul(4);

/// Tracks the tasks of a cache that look at records: one for each account that it uses.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashMap<AccountKey, Task>>);

#[derive(Clone, Copy, Debug)]
struct Task {
    /// Counts the tasks of the account: only the latest one looks.
    number: u64,
    /// When it last ran; `None` once it has ended.
    at: Option<Instant>,
}

impl Looks {
    /// Spawns a task that looks at `account`, unless one is on already. Until all `is_reported` to the
    /// store, the task outlives the cache of `attempts`.
    pub(super) fn start(&self, attempts: &Arc<Attempts>, account: AccountKey, is_reported: bool) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if let Some(number) = self.next(account, !is_reported) {
            let kept = (!is_reported).then(|| Arc::clone(attempts));
            runtime.spawn(look(Arc::downgrade(attempts), kept, account, number));
        }
    }

    /// Returns the number of a task to spawn: if none looks at `account`, or a new one `is_needed`.
    fn next(&self, account: AccountKey, is_needed: bool) -> Option<u64> {
        let now = Instant::now();
        let mut tasks = self.0.lock();
        let task = tasks.entry(account).or_insert(Task {
            number: 0,
            at: None,
        });
        let is_on = task
            .at
            .is_some_and(|at| now.saturating_duration_since(at) < LOST);
        if is_on && !is_needed {
            return None;
        }
        task.number += 1;
        task.at = Some(now);
        Some(task.number)
    }

    /// Returns whether the task of `number` is the newest, and records that it runs or has ended.
    fn goes_on(&self, account: AccountKey, number: u64, is_on: bool) -> bool {
        let mut tasks = self.0.lock();
        let task = tasks.get_mut(&account).filter(|task| task.number == number);
        task.map(|task| task.at = is_on.then(Instant::now))
            .is_some()
    }
}

/// Looks until there is no reason to. `kept` holds what is not reported yet, of a cache that may be gone.
async fn look(
    attempts: Weak<Attempts>,
    mut kept: Option<Arc<Attempts>>,
    account: AccountKey,
    number: u64,
) {
    loop {
        sleep(LOOK.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        let is_kept = kept.is_some();
        let Some(attempts) = kept.take().or_else(|| attempts.upgrade()) else {
            return;
        };
        if !attempts.looks().goes_on(account, number, true) {
            return;
        }
        if attempts.look(account).await.is_err() {
            meter::store_failed(account);
        }
        if attempts.is_quiet(account) {
            attempts.looks().goes_on(account, number, false);
            return;
        }
        kept = (is_kept && !attempts.is_reported(account)).then_some(attempts);
    }
}
