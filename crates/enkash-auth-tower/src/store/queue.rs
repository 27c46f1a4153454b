//! Bounds the calls that a store has in flight.
//!
//! 1. Each runtime has slots of its own: the calls of one that is alive but not driven keep no slot of another.
//! 2. A call that waits for a slot fails only if the store responds to no other: the wait is our own.
//! 3. The newest call is the next one. A fetch makes several calls, and has to end in time: in the order of the calls,
//!    all fetches of a burst would make the first one, then all the second, and if there are many, all end too late.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    sync::oneshot,
    time::timeout,
};

use crate::{
    BoxError,
    sync::{Arc, AtomicU64, Mutex, Ordering},
};

/// Sets for how many timeouts of a call in a row a queue may have no response: more than one, since a runtime
/// that is busy with a burst may poll its timers more often than the calls in flight.
const QUIET: u32 = 4;

/// Bounds the calls of a store that are in flight. Further calls wait.
///
/// The calls in flight on one runtime share a `T`.
#[derive(Debug)]
pub struct Queue<T = ()> {
    slots: usize,
    timeout: Duration,
    runtimes: Mutex<HashMap<Id, Arc<Calls<T>>>>,
}

#[derive(Debug)]
struct Calls<T> {
    state: Mutex<State<T>>,
    responses: AtomicU64,
    shared: Arc<T>,
}

#[derive(Debug)]
struct State<T> {
    free: usize,
    /// Counts the calls that waited.
    number: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Slot<T>>>,
}

/// Allows one call, until it is dropped.
#[derive(Debug)]
pub struct Slot<T = ()> {
    calls: Arc<Calls<T>>,
}

/// Waits for a slot.
#[derive(Debug)]
struct Waiting<T> {
    calls: Arc<Calls<T>>,
    number: u64,
    slot: oneshot::Receiver<Slot<T>>,
}

impl<T: Default> Queue<T> {
    /// Creates a queue before `slots` calls in flight on each runtime, which take no longer than `timeout`.
    pub fn new(slots: usize, timeout: Duration) -> Self {
        Self {
            slots,
            timeout,
            runtimes: Mutex::default(),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    ///
    /// If none of the calls of this runtime has had a response for four timeouts.
    ///
    /// # Panics
    ///
    /// If called outside a runtime.
    pub async fn enter(&self) -> Result<Slot<T>, BoxError> {
        let calls = self.calls();
        let mut waiting = match calls.take() {
            Ok(slot) => return Ok(slot),
            Err(waiting) => waiting,
        };
        let mut quiet = 0;
        while quiet < QUIET {
            let responses = calls.responses.load(Ordering::Relaxed);
            if let Ok(slot) = timeout(self.timeout, &mut waiting.slot).await {
                return Ok(slot?);
            }
            let is_quiet = calls.responses.load(Ordering::Relaxed) == responses;
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
        Err("the store has not responded to any of the calls before this one".into())
    }

    /// Returns how long a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    fn calls(&self) -> Arc<Calls<T>> {
        let mut runtimes = self.runtimes.lock();
        // The others are of runtimes that were dropped, or that are idle.
        runtimes.retain(|_, calls| {
            Arc::strong_count(calls) > 1 || Arc::strong_count(&calls.shared) > 1
        });
        let new = || {
            Arc::new(Calls {
                state: Mutex::new(State {
                    free: self.slots,
                    number: 0,
                    waiting: BTreeMap::new(),
                }),
                responses: AtomicU64::new(0),
                shared: Arc::default(),
            })
        };
        Arc::clone(runtimes.entry(Handle::current().id()).or_insert_with(new))
    }
}

impl<T> Calls<T> {
    /// Takes a slot, or begins to wait for one.
    fn take(self: &Arc<Self>) -> Result<Slot<T>, Waiting<T>> {
        let (sender, slot) = oneshot::channel();
        let calls = Arc::clone(self);
        let mut state = self.state.lock();
        if state.free > 0 {
            state.free -= 1;
            return Ok(Slot { calls });
        }
        state.number += 1;
        let number = state.number;
        state.waiting.insert(number, sender);
        Err(Waiting {
            calls,
            number,
            slot,
        })
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

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.calls.state.lock();
            let next = state.waiting.pop_last();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some((_, next)) = next {
            let calls = Arc::clone(&self.calls);
            // If the call was dropped meanwhile, the slot is, too, and the next one gets it.
            let _ = next.send(Self { calls });
        }
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        let own = self.calls.state.lock().waiting.remove(&self.number);
        drop(own);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/queue.rs"]
mod tests;
