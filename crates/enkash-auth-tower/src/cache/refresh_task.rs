use std::time::Duration;

use tokio::{runtime::Handle, time::sleep};

use super::Shared;
use crate::{
    heartbeat::{Beating, Heartbeat},
    sync::{Arc, Weak},
    time::TICK,
};

/// The longest poll interval: the timer stands still while the machine is suspended, the token does not.
const LONGEST: Duration = Duration::from_secs(30);

/// How late a heartbeat may be: an interval, and as long again.
const LATE: Duration = LONGEST.saturating_mul(2);

/// The poll interval while a flight is on, and after one was asked for.
const SHORTEST: Duration = Duration::from_millis(100);

/// Keeps a cache warm, where its policy wants that: asks in its time, as a caller would.
///
/// There is one task at a time, on the runtime of the caller that launched a flight. It holds no
/// cache alive. When its runtime has ended, or has not driven it in time, the next launch starts
/// another.
#[derive(Debug, Default)]
pub(super) struct RefreshTask(Heartbeat);

impl RefreshTask {
    /// Starts a task unless one is on. If a flight had to be given up, that task may be the one that
    /// `is_asleep`.
    pub(super) fn start(&self, runtime: &Handle, shared: &Arc<Shared>, is_asleep: bool) {
        if shared.policy().keep_warm
            && let Some(beating) = self.0.start(LATE, is_asleep)
        {
            runtime.spawn(keep(Arc::downgrade(shared), beating));
        }
    }
}

async fn keep(shared: Weak<Shared>, beating: Beating) {
    // If another took over, it does nothing more, should its runtime be driven again.
    while beating.goes_on(LATE) {
        sleep(LONGEST.min(match shared.upgrade() {
            Some(shared) => lookup(&shared),
            None => return,
        }))
        .await;
    }
}

/// Asks if it is time to, and returns how long to sleep then.
fn lookup(shared: &Arc<Shared>) -> Duration {
    match shared.idle_for() {
        Some(Duration::ZERO) => {
            // What comes of it, callers get.
            drop(shared.lookup());
            SHORTEST
        }
        Some(idle) => idle.max(TICK),
        None => SHORTEST,
    }
}
