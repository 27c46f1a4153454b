use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::coop::consume_budget,
    time::{Instant, timeout_at},
};

use super::{Shared, snapshot::Published};
use crate::{
    heartbeat::{Beating, Heartbeat},
    sync::{Arc, Mutex, Weak},
    time::TICK,
};

/// Limits the time between two looks at a cache: timers stop while the machine is suspended, tokens still expire.
const LONGEST: Duration = Duration::from_secs(30);

/// Limits how late a heartbeat may be: two intervals.
const LATE: Duration = LONGEST.saturating_mul(2);

/// Sets the time between two looks at a cache while its fetch is in flight, and after a lookup.
const SHORTEST: Duration = Duration::from_millis(100);

/// A token that is still used so long after it was fetched is refreshed before its next use, among many.
const USED: Duration = Duration::from_secs(1);

/// Refreshes caches without traffic: looks up each token when it is due, as a caller would.
///
/// There is one task at a time, on the runtime of the caller that spawned a fetch. It keeps no cache
/// alive. If its runtime has shut down, or has not driven it in time, the next fetch starts another.
#[derive(Debug, Default)]
pub struct Refresher {
    heartbeat: Heartbeat,
    due: Arc<Mutex<Due>>,
    changed: Arc<Notify>,
}

/// Holds when to look at which cache, the next one first.
#[derive(Debug, Default)]
struct Due(BinaryHeap<Look>);

#[derive(Debug)]
struct Look {
    at: Instant,
    cache: Weak<Shared>,
}

impl Refresher {
    /// Looks at `cache` from now on, and starts the task unless it is running. If a fetch was abandoned, that task
    /// may be one that `is_stalled`, and is replaced.
    pub fn start(&self, runtime: &Handle, cache: &Arc<Shared>, is_stalled: bool) {
        let at = Instant::now() + SHORTEST;
        if cache.usage().begin_refreshing() && self.due.lock().add(at, Arc::downgrade(cache)) {
            self.changed.notify_one();
        }
        if let Some(beating) = self.heartbeat.start(LATE, is_stalled) {
            let (due, changed) = (Arc::downgrade(&self.due), Arc::clone(&self.changed));
            runtime.spawn(refresh(due, changed, beating));
        }
    }
}

impl Due {
    /// Returns whether this is the next one.
    fn add(&mut self, at: Instant, cache: Weak<Shared>) -> bool {
        let is_next = self.next().is_none_or(|next| at < next);
        self.0.push(Look { at, cache });
        is_next
    }

    fn next(&self) -> Option<Instant> {
        self.0.peek().map(|look| look.at)
    }

    /// Removes the next one, if it is due by `now`.
    fn take(&mut self, now: Instant) -> Option<Weak<Shared>> {
        let is_due = self.next().is_some_and(|next| next <= now);
        is_due
            .then(|| self.0.pop())
            .flatten()
            .map(|look| look.cache)
    }
}

impl Ord for Look {
    fn cmp(&self, other: &Self) -> Ordering {
        // The greatest is the next.
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Look {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Look {}

async fn refresh(due: Weak<Mutex<Due>>, changed: Arc<Notify>, beating: Beating) {
    // Ends once another task has replaced it, should its runtime be driven again.
    while beating.beat(LATE) {
        let Some(due) = due.upgrade() else { return };
        let now = Instant::now();
        loop {
            let Some(cache) = due.lock().take(now) else {
                break;
            };
            let again = cache.upgrade().and_then(|cache| look(&cache));
            if let Some(pause) = again {
                due.lock().add(now + pause, cache);
            }
            // A hundred thousand may be due at once.
            consume_budget().await;
        }
        let longest = now + LONGEST;
        let next = due.lock().next().map_or(longest, |next| next.min(longest));
        drop(due);
        let _ = timeout_at(next, changed.notified()).await;
    }
}

/// Looks up the token of `cache` if it is due, and returns how long to wait then: `None` if it is not refreshed
/// any more.
fn look(cache: &Arc<Shared>) -> Option<Duration> {
    let pause = match cache.idle_for() {
        Some(Duration::ZERO) if !is_refreshed(cache) => {
            cache.usage().end_refreshing();
            return None;
        }
        Some(Duration::ZERO) => {
            // The fetch runs in a task of its own.
            drop(cache.lookup());
            SHORTEST
        }
        Some(idle) => idle.max(TICK),
        None => SHORTEST,
    };
    Some(pause.min(LONGEST))
}

/// Returns whether the token is refreshed without a lookup: if it was used after the callers that waited for it, or in
/// any case.
fn is_refreshed(cache: &Shared) -> bool {
    let current = cache.snapshot().load();
    let used = current.as_deref().map_or(0, Published::used_for);
    cache.common().refreshes(Duration::from_nanos(used) >= USED)
}
