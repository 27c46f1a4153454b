//! Where the waiters of one flight wait: a broadcast that happens once.
//!
//! 1. A waiter that polls after the flight has landed is answered; one that polled before is woken.
//! 2. Wakers are cloned before the lock is taken, and dropped and woken after it is released.
//! 3. A waiter that leaves takes its waker with it: the memory is that of those waiting now.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll, Waker},
};

use enkash_auth_core::Error;
use slab::Slab;

use crate::sync::{Arc, Mutex};

/// Tells the waiters how a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// There may be a token: ask again.
    Ask,
    /// There is none, for all waiters.
    Failed(Error),
}

#[derive(Debug)]
pub(crate) struct Landing(Mutex<State>);

#[derive(Debug)]
enum State {
    /// The flight is on; so many wait for it.
    Flying(Slab<Waker>),
    Landed(Landed),
}

/// Holds a place among the waiters, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    landing: Arc<Landing>,
    key: Option<usize>,
}

impl Landing {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Flying(Slab::new()))))
    }

    /// Returns a place for one waiter.
    pub(crate) fn seat(self: Arc<Self>) -> Seat {
        Seat {
            landing: self,
            key: None,
        }
    }

    /// Wakes all waiters, and answers all that come later. The first landing counts.
    pub(crate) fn land(&self, landed: Landed) {
        let waiters = {
            let mut state = self.0.lock();
            match &mut *state {
                State::Landed(_) => return,
                State::Flying(waiters) => {
                    let waiters = std::mem::take(waiters);
                    *state = State::Landed(landed);
                    waiters
                }
            }
        };
        for (_, waker) in waiters {
            // Of a waker that panics, neither the others nor the flight see anything.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl Seat {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Landed> {
        let waker = cx.waker().clone();
        let mut state = self.landing.0.lock();
        let spare = match &mut *state {
            State::Landed(landed) => return Poll::Ready(landed.clone()),
            State::Flying(waiters) => match self.key.and_then(|key| waiters.get_mut(key)) {
                Some(seated) => Some(std::mem::replace(seated, waker)),
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

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.landing.0.lock();
        let waker = match &mut *state {
            State::Flying(waiters) => waiters.try_remove(key),
            State::Landed(_) => None,
        };
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/landing.rs"]
mod model;

#[cfg(test)]
#[path = "../../tests/unit/landing.rs"]
mod tests;
