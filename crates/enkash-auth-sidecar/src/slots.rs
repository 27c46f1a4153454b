use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use slab::Slab;
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::activity::Activity;

/// How long a new connection waits for a slot.
const WAIT: Duration = Duration::from_secs(1);

/// How long it waits for an idle connection to close before it looks for another, and how long that must have
/// been idle: a request may be on its way.
const EVICTION: Duration = Duration::from_millis(20);

/// The limit of concurrent connections, and so of concurrent requests.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    /// How many connections wait for a slot.
    waiting: AtomicUsize,
    activities: Mutex<Slab<Arc<Activity>>>,
}

impl Slots {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(limit)),
            waiting: AtomicUsize::new(0),
            activities: Mutex::default(),
        })
    }

    /// Waits for a slot, but not for long. If all are taken, the longest-idle connection is closed; if none is idle,
    /// one closes after its response.
    pub(crate) async fn acquire(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<Slot> {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.waiting.fetch_add(1, Relaxed);
                let permit = timeout(WAIT, self.evict()).await;
                self.waiting.fetch_sub(1, Relaxed);
                permit.ok()?.ok()?
            }
        };
        Some(Slot {
            slots: Arc::clone(self),
            key: self.activities().insert(Arc::clone(activity)),
            _permit: permit,
        })
    }

    /// Returns how many slots are taken.
    pub(crate) fn taken(&self) -> usize {
        self.activities().len()
    }

    /// Waits for a slot, and evicts the longest-idle connection from time to time.
    async fn evict(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        let mut free = pin!(Arc::clone(&self.free).acquire_owned());
        loop {
            {
                let activities = self.activities();
                let idle = activities.iter().filter_map(|(_, activity)| {
                    let since = activity.idle_since()?;
                    (since.elapsed() >= EVICTION).then_some((since, activity))
                });
                if let Some((since, activity)) = idle.min_by_key(|(since, _)| *since) {
                    activity.evict(since);
                }
            }
            if let Ok(permit) = timeout(EVICTION, &mut free).await {
                return permit;
            }
        }
    }

    /// Returns whether a connection should close after its response: another waits for its slot.
    pub(crate) fn should_close(&self) -> bool {
        self.waiting.load(Relaxed) > 0
    }

    /// Lets every connection close after its next response.
    pub(crate) fn close(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    fn activities(&self) -> MutexGuard<'_, Slab<Arc<Activity>>> {
        self.activities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection, free again on drop.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    key: usize,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.activities().try_remove(self.key);
    }
}

#[cfg(test)]
#[path = "../tests/unit/slots.rs"]
mod tests;
