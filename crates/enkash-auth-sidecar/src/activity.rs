use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::timeouts::Timeouts;

/// What a connection waits for. Its task records it; others evict the connection while it is idle.
pub(crate) struct Activity {
    waits: Mutex<Waits>,
    evicted: Notify,
}

/// Since when a connection waits for its caller.
struct Waits {
    /// How many calls are in flight. One may begin before the response of the last is dropped.
    calls: usize,
    /// To send a request, unless a call is in flight.
    idle: Instant,
    /// To complete the head of a request.
    head: Option<Instant>,
    /// To read.
    blocked: Option<Instant>,
    is_evicted: bool,
}

impl Activity {
    /// Creates the activity of a new connection, which is idle.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            waits: Mutex::new(Waits {
                calls: 0,
                idle: Instant::now(),
                head: None,
                blocked: None,
                is_evicted: false,
            }),
            evicted: Notify::new(),
        })
    }

    /// Records that the caller sent something.
    pub(crate) fn received(&self) {
        let mut waits = self.waits();
        if waits.calls == 0 {
            waits.head.get_or_insert_with(Instant::now);
        }
    }

    /// Records that a call is in flight, until what is returned is dropped.
    pub(crate) fn begin_call(self: &Arc<Self>) -> Call {
        let mut waits = self.waits();
        waits.calls += 1;
        (waits.head, waits.is_evicted) = (None, false);
        Call(Arc::clone(self))
    }

    /// Records whether bytes wait for the caller to read.
    pub(crate) fn set_blocked(&self, is_blocked: bool) {
        let mut waits = self.waits();
        waits.blocked = is_blocked.then(|| waits.blocked.unwrap_or_else(Instant::now));
    }

    /// Returns since when the connection has been idle, or received part of a head, if it can be evicted.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.waits().idle_since()
    }

    /// Closes the connection, if it has been idle since then.
    pub(crate) fn evict(&self, since: Instant) {
        let mut waits = self.waits();
        if waits.idle_since() == Some(since) {
            waits.is_evicted = true;
            self.evicted.notify_one();
        }
    }

    /// Completes once the connection is evicted, or the caller was silent for too long.
    pub(crate) async fn end(&self, timeouts: &Timeouts) {
        // Nothing tells when a wait begins, so no check may be later than the end of one that begins now.
        let shortest = timeouts.header.min(timeouts.write).min(timeouts.idle);
        loop {
            let now = Instant::now();
            let check = now + shortest;
            let end = self.waits().end(timeouts).unwrap_or(check);
            if end <= now {
                return;
            }
            tokio::select! {
                () = sleep_until(end.min(check)) => {}
                () = self.evicted.notified() => {}
            }
        }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.calls == 0 && self.blocked.is_none() && !self.is_evicted;
        is_idle.then(|| self.head.unwrap_or(self.idle))
    }

    /// Returns when the current wait ends.
    fn end(&self, timeouts: &Timeouts) -> Option<Instant> {
        let (since, limit) = match (self.blocked, self.head) {
            (Some(blocked), _) => (blocked, timeouts.write),
            _ if self.calls > 0 => return None,
            _ if self.is_evicted => (self.idle, Duration::ZERO),
            (None, Some(head)) => (head, timeouts.header),
            (None, None) => (self.idle, timeouts.idle),
        };
        Some(since + limit)
    }
}

/// A call in flight, until the body of its response is dropped.
pub(crate) struct Call(Arc<Activity>);

impl Drop for Call {
    fn drop(&mut self) {
        let mut waits = self.0.waits();
        waits.calls -= 1;
        waits.idle = Instant::now();
    }
}

#[cfg(test)]
#[path = "../tests/unit/activity.rs"]
mod tests;
