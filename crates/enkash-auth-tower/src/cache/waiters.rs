//! Broadcasts the end of one fetch to its waiters, once.
//!
//! 1. A waiter that polls after the fetch has completed is ready; one that polled before is woken.
//! 2. Wakers are cloned before the lock is taken, and dropped and woken after it is released.
//! 3. A dropped waiter removes its waker: only current waiters take memory.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll, Waker},
};

use slab::Slab;

use crate::{
    Error,
    sync::{Arc, Mutex},
};

/// Reports to the waiters how a fetch ended.
#[derive(Clone, Debug)]
pub enum Completion {
    /// There may be a token: look it up.
    LookUp,
    /// There is none, for all waiters.
    Failed(Error),
}

#[derive(Debug)]
pub struct Waiters(Mutex<State>);

#[derive(Debug)]
enum State {
    /// The fetch is in flight; these wait for it.
    Pending(Slab<Waker>),
    Completed(Completion),
}

/// Waits for the fetch until it is dropped.
#[derive(Debug)]
pub struct Waiter {
    waiters: Arc<Waiters>,
    key: Option<usize>,
}

impl Waiters {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Pending(Slab::new()))))
    }

    /// Creates a waiter.
    pub fn register(self: Arc<Self>) -> Waiter {
        Waiter {
            waiters: self,
            key: None,
        }
    }

    /// Wakes all waiters, and makes later ones ready at once. Only the first call counts.
    pub fn complete(&self, completed: Completion) {
        let waiters = {
            let mut state = self.0.lock();
            match &mut *state {
                State::Completed(_) => return,
                State::Pending(waiters) => {
                    let waiters = std::mem::take(waiters);
                    *state = State::Completed(completed);
                    waiters
                }
            }
        };
        for (_, waker) in waiters {
            // A panicking waker affects neither the others nor the fetch.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl Waiter {
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Completion> {
        let waker = cx.waker().clone();
        let mut state = self.waiters.0.lock();
        let spare = match &mut *state {
            State::Completed(completed) => return Poll::Ready(completed.clone()),
            State::Pending(waiters) => match self.key.and_then(|key| waiters.get_mut(key)) {
                Some(previous) => Some(std::mem::replace(previous, waker)),
                None => {
                    self.key = Some(waiters.insert(waker));
                    None
                }
            },
        };
        drop(state);
        drop(spare);
        Poll::Pending
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.waiters.0.lock();
        let waker = match &mut *state {
            State::Pending(waiters) => waiters.try_remove(key),
            State::Completed(_) => None,
        };
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/waiters.rs"]
mod model;

#[cfg(test)]
#[path = "../../tests/unit/waiters.rs"]
mod tests;
