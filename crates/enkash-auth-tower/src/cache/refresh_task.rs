use std::time::Duration;

use tokio::{runtime::Handle, time::sleep};

use super::Shared;
use crate::{
    heartbeat::{Beating, Heartbeat},
    sync::{Arc, Weak},
    time::TICK,
};

/// Limits the poll interval: timers stop while the machine is suspended, tokens still expire.
const LONGEST: Duration = Duration::from_secs(30);

/// Limits how late a heartbeat may be: two intervals.
const LATE: Duration = LONGEST.saturating_mul(2);

/// Sets the poll interval while a fetch is in flight, and after a lookup.
const SHORTEST: Duration = Duration::from_millis(100);

/// Keeps a cache warm, if its policy says so: looks up the token when it is due, as a caller would.
///
/// There is one task at a time, on the runtime of the caller that spawned a fetch. It keeps no cache
/// alive. If its runtime has shut down, or has not driven it in time, the next fetch starts another.
#[derive(Debug, Default)]
pub struct RefreshTask(Heartbeat);

impl RefreshTask {
    /// Starts a task unless one is running. If a fetch was abandoned, that task may be one that `is_stalled`,
    /// and is replaced.
    pub fn start(&self, runtime: &Handle, shared: &Arc<Shared>, is_stalled: bool) {
        if shared.policy().keep_warm
            && let Some(beating) = self.0.start(LATE, is_stalled)
        {
            runtime.spawn(keep(Arc::downgrade(shared), beating));
        }
    }
}

async fn keep(shared: Weak<Shared>, beating: Beating) {
    // Ends once another task has replaced it, should its runtime be driven again.
    while beating.beat(LATE) {
        sleep(LONGEST.min(match shared.upgrade() {
            Some(shared) => lookup(&shared),
            None => return,
        }))
        .await;
    }
}

/// Looks up the token if it is due, and returns how long to sleep then.
fn lookup(shared: &Arc<Shared>) -> Duration {
    match shared.idle_for() {
        Some(Duration::ZERO) => {
            // The fetch runs in a task of its own.
            drop(shared.lookup());
            SHORTEST
        }
        Some(idle) => idle.max(TICK),
        None => SHORTEST,
    }
}
