use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    sync::{Arc, Mutex},
    time,
};

/// Limits the token requests in flight. Accounts whose last fetch failed get a quarter of the places at most, so
/// that they cannot delay the others.
///
/// A runtime that is not driven keeps no place from the others: one that is released is offered to the next waiter,
/// which takes it when it is polled; and one is held for as long as a fetch may take, at most.
#[derive(Debug)]
pub struct Places {
    queue: Arc<Mutex<Queue>>,
    longest: Duration,
}

#[derive(Debug)]
struct Queue {
    limit: usize,
    number: u64,
    working: Class,
    failing: Class,
}

/// Holds the places that are taken and the waiters for one, by number: of the accounts that fail, or of the others.
#[derive(Debug, Default)]
struct Class {
    /// Until when.
    taken: BTreeMap<u64, Instant>,
    waiting: BTreeMap<u64, Waker>,
}

/// Represents a token request that may be in flight.
#[derive(Debug)]
pub struct Place {
    queue: Arc<Mutex<Queue>>,
    number: u64,
    is_failing: bool,
}

/// Waits for a place.
///
/// # Cancel safety
///
/// If it is dropped, it has taken none, and is no longer waiting.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Taking<'a> {
    places: &'a Places,
    is_failing: bool,
    /// Once it waits.
    number: Option<u64>,
}

impl Places {
    /// The default of `limit`.
    pub const DEFAULT: usize = 16;

    /// Creates as many places as `limit`, and one at least, each to be held no longer than `longest`.
    pub fn new(limit: usize, longest: Duration) -> Self {
        let queue = Queue {
            limit: limit.max(1),
            number: 0,
            working: Class::default(),
            failing: Class::default(),
        };
        Self {
            queue: Arc::new(Mutex::new(queue)),
            longest,
        }
    }

    /// Waits for a place, in the order of the calls.
    pub fn take(&self, is_failing: bool) -> Taking<'_> {
        Taking {
            places: self,
            is_failing,
            number: None,
        }
    }
}

impl Queue {
    fn class(&mut self, is_failing: bool) -> &mut Class {
        match is_failing {
            true => &mut self.failing,
            false => &mut self.working,
        }
    }

    fn is_free(&self, is_failing: bool) -> bool {
        let failing = self.failing.taken.len();
        self.working.taken.len() + failing < self.limit
            && (!is_failing || failing < self.limit.div_ceil(4))
    }

    /// Releases the places that have been held for too long.
    fn expire(&mut self, now: Instant) {
        for class in [&mut self.working, &mut self.failing] {
            while let Some(first) = class.taken.first_entry().filter(|it| *it.get() <= now) {
                first.remove();
            }
        }
    }

    /// Returns the class of the first waiter for which there is a place.
    fn next(&mut self) -> Option<&mut Class> {
        let first = |queue: &Self, is_failing| {
            let class = if is_failing {
                &queue.failing
            } else {
                &queue.working
            };
            let first = class.waiting.keys().next().copied();
            first.filter(|_| queue.is_free(is_failing))
        };
        let is_failing = match (first(self, false), first(self, true)) {
            (None, None) => return None,
            (Some(working), Some(failing)) => failing < working,
            (working, _) => working.is_none(),
        };
        Some(self.class(is_failing))
    }

    /// Removes the first waiter for which there is a place, to be woken after the lock.
    fn offer(&mut self) -> Option<Waker> {
        let (_, waker) = self.next()?.waiting.pop_first()?;
        Some(waker)
    }
}

impl Future for Taking<'_> {
    type Output = Place;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Place> {
        let (now, until) = (Instant::now(), time::deadline(self.places.longest));
        let waker = cx.waker().clone();
        let is_failing = self.is_failing;
        let mut queue = self.places.queue.lock();
        queue.expire(now);
        let is_first = self.number.is_some() || queue.next().is_none();
        let number = self.number.unwrap_or_else(|| {
            queue.number += 1;
            queue.number
        });
        if !is_first || !queue.is_free(is_failing) {
            let old = queue.class(is_failing).waiting.insert(number, waker);
            drop(queue);
            drop(old);
            self.number = Some(number);
            return Poll::Pending;
        }
        let class = queue.class(is_failing);
        let old = class.waiting.remove(&number);
        class.taken.insert(number, until);
        // Several may have expired.
        let next = queue.offer();
        drop(queue);
        drop((old, waker));
        next.into_iter().for_each(Waker::wake);
        self.number = None;
        Poll::Ready(Place {
            queue: Arc::clone(&self.places.queue),
            number,
            is_failing,
        })
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut queue = self.places.queue.lock();
        let own = queue.class(self.is_failing).waiting.remove(&number);
        // What was offered to this one.
        let next = queue.offer();
        drop(queue);
        drop(own);
        next.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.class(self.is_failing).taken.remove(&self.number);
        let next = queue.offer();
        drop(queue);
        next.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/places.rs"]
mod model;
