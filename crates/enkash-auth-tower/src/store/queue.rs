//! Bounds the calls that a store has in flight.
//!
//! 1. Each runtime has slots of its own: the calls of one that is alive but not driven keep no slot of another.
//! 2. A call that waits for a slot fails only if the store responds to no other: the wait is our own.

use std::{collections::HashMap, pin::pin};

use tokio::{
    runtime::{Handle, Id},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::STORE_TIMEOUT;
use crate::{
    BoxError,
    sync::{Arc, AtomicU64, Mutex, Ordering},
};

/// Sets for how many [`STORE_TIMEOUT`]s in a row a queue may have no response: more than one, since a runtime
/// that is busy with a burst may poll its timers more often than the calls in flight.
const QUIET: u32 = 4;

/// Bounds the calls of a store that are in flight. Further calls wait, in order.
///
/// The calls in flight on one runtime share a `T`.
#[derive(Debug)]
pub struct Queue<T = ()> {
    slots: usize,
    runtimes: Mutex<HashMap<Id, Arc<Calls<T>>>>,
}

#[derive(Debug)]
struct Calls<T> {
    free: Arc<Semaphore>,
    responses: AtomicU64,
    shared: Arc<T>,
}

/// Allows one call, until it is dropped.
#[derive(Debug)]
pub struct Slot<T = ()> {
    calls: Arc<Calls<T>>,
    _permit: OwnedSemaphorePermit,
}

impl<T: Default> Queue<T> {
    /// Creates a queue before `slots` calls in flight on each runtime.
    pub fn new(slots: usize) -> Self {
        Self {
            slots,
            runtimes: Mutex::default(),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    ///
    /// If none of the calls of this runtime has had a response for 2 s.
    ///
    /// # Panics
    ///
    /// If called outside a runtime.
    pub async fn enter(&self) -> Result<Slot<T>, BoxError> {
        let calls = self.calls();
        let mut free = pin!(Arc::clone(&calls.free).acquire_owned());
        let mut quiet = 0;
        while quiet < QUIET {
            let responses = calls.responses.load(Ordering::Relaxed);
            if let Ok(permit) = timeout(STORE_TIMEOUT, free.as_mut()).await {
                let _permit = permit?;
                return Ok(Slot { calls, _permit });
            }
            let is_quiet = calls.responses.load(Ordering::Relaxed) == responses;
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
        Err("the store has not responded to any of the calls before this one".into())
    }

    fn calls(&self) -> Arc<Calls<T>> {
        let mut runtimes = self.runtimes.lock();
        // The others are of runtimes that were dropped, or that are idle.
        runtimes.retain(|_, calls| {
            Arc::strong_count(calls) > 1 || Arc::strong_count(&calls.shared) > 1
        });
        let new = || {
            Arc::new(Calls {
                free: Arc::new(Semaphore::new(self.slots)),
                responses: AtomicU64::new(0),
                shared: Arc::default(),
            })
        };
        Arc::clone(runtimes.entry(Handle::current().id()).or_insert_with(new))
    }
}

impl<T> Slot<T> {
    /// Returns what the calls of the runtime share.
    pub fn shared(&self) -> &Arc<T> {
        &self.calls.shared
    }

    /// Records that the store has responded.
    pub fn responded(&self) {
        self.calls.responses.fetch_add(1, Ordering::Relaxed);
    }
}
