use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::{AccessToken, Clock, Timestamp, state::Lookup};
use pin_project_lite::pin_project;
use tokio::{
    runtime::{Handle, Id},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Shared,
    waiters::{Completion, Waiter, Waiters},
};
use crate::{
    Error, ErrorKind,
    sync::{Arc, Ordering},
    time,
};

pin_project! {
    /// Waits for a token, no longer than the policy allows.
    ///
    /// It also watches the fetch: if that does not complete in time, the waiter's next lookup abandons it.
    #[derive(Debug)]
    pub struct Waiting {
        #[pin]
        timer: Sleep,
        waiter: Waiter,
        // The generation of a token that is waited past.
        instead_of: Option<u64>,
        deadline: Instant,
        // Drives the timer.
        runtime: Id,
        place: Place,
    }
}

/// Identifies a fetch to wait for.
#[derive(Debug)]
pub struct Pending {
    waiters: Arc<Waiters>,
    /// When to look up, should it never complete.
    overdue: Timestamp,
}

/// Occupies one of the places for waiters, whose number the policy sets.
#[derive(Debug)]
struct Place(Arc<Shared>);

impl Waiting {
    /// Returns a token, or joins the waiters of a fetch. The token is another than that of the generation `instead_of`,
    /// if a fetch is in flight.
    pub fn join(shared: &Arc<Shared>, instead_of: Option<u64>) -> Lookup<Self, Error> {
        lookup_instead(shared, instead_of).try_map(|pending| Self::new(shared, pending, instead_of))
    }

    fn new(shared: &Arc<Shared>, pending: Pending, instead_of: Option<u64>) -> Result<Self, Error> {
        let place = Place::take(Arc::clone(shared))?;
        let deadline = time::deadline(place.0.policy().wait_timeout);
        Ok(Self {
            timer: sleep_until(place.wake_at(&pending, deadline)),
            waiter: pending.waiters.register(),
            instead_of,
            deadline,
            runtime: runtime()?.id(),
            place,
        })
    }
}

impl Pending {
    pub fn new(waiters: Arc<Waiters>, overdue: Timestamp) -> Self {
        Self { waiters, overdue }
    }
}

impl Future for Waiting {
    type Output = Result<AccessToken, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.waiter.poll(cx) {
                Poll::Ready(Completion::Failed(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Completion::LookUp) => {}
                Poll::Pending => {
                    let here = runtime()?.id();
                    if std::mem::replace(this.runtime, here) != here {
                        // The old runtime may be shut down, or not driven, and its timer with it.
                        let at = this.timer.deadline();
                        this.timer.set(sleep_until(at));
                    }
                    ready!(this.timer.as_mut().poll(cx));
                }
            }
            let pending = match lookup_instead(&this.place.0, *this.instead_of) {
                Lookup::Ready(token) => return Poll::Ready(Ok(token)),
                Lookup::Pending(pending) => pending,
                Lookup::Failed(error) => return Poll::Ready(Err(error)),
            };
            if Instant::now() >= *this.deadline {
                return Poll::Ready(Err(Error::new(ErrorKind::WaitTimeout, "")));
            }
            let wake_at = this.place.wake_at(&pending, *this.deadline);
            this.timer.as_mut().reset(wake_at);
            *this.waiter = pending.waiters.register();
        }
    }
}

impl Place {
    fn take(shared: Arc<Shared>) -> Result<Self, Error> {
        let max = shared.policy().max_waiters;
        let place = Self(shared);
        // Counted first: dropping the place undoes an overshoot.
        if place.0.usage().waiting().fetch_add(1, Ordering::Relaxed) >= max {
            return Err(Error::new(ErrorKind::Saturated, ""));
        }
        Ok(place)
    }

    /// Returns when to look up next: at the end of the wait, or when the fetch is overdue.
    fn wake_at(&self, pending: &Pending, deadline: Instant) -> Instant {
        let overdue_in = pending.overdue.remaining(self.0.clock().now());
        time::deadline(overdue_in.max(time::TICK)).min(deadline)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.usage().waiting().fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns a token, or the fetch to wait for. The token is another than that of the generation `instead_of`, if a fetch
/// is in flight.
fn lookup_instead(shared: &Arc<Shared>, instead_of: Option<u64>) -> Lookup<Pending, Error> {
    match shared.lookup() {
        // Only a runtime has the timer of a waiter.
        Lookup::Ready(token) if Some(token.generation()) == instead_of && runtime().is_ok() => {
            let pending = shared.pending().map(Lookup::Pending);
            pending.unwrap_or(Lookup::Ready(token))
        }
        lookup => lookup,
    }
}

/// Returns the current runtime, which has the timer of a waiter.
pub fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|_| Error::new(ErrorKind::NoRuntime, ""))
}

/// Completes when no fetch is in flight. An overdue fetch is ignored: its runtime may never be driven
/// again.
pub async fn idle(shared: &Shared) {
    while let Some(pending) = shared.pending() {
        let overdue_in = pending.overdue.remaining(shared.clock().now());
        let recheck_at = time::deadline(overdue_in.max(time::TICK));
        let mut waiter = pending.waiters.register();
        let mut timer: Option<(Id, Pin<Box<Sleep>>)> = None;
        poll_fn(|cx| {
            if waiter.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            // Outside any runtime there is no timer, only the end of the fetch.
            let Ok(here) = Handle::try_current() else {
                return Poll::Pending;
            };
            let here = here.id();
            // A timer of another runtime may no longer be driven.
            let (_, timer) = match &mut timer {
                Some(timer) if timer.0 == here => timer,
                timer => timer.insert((here, Box::pin(sleep_until(recheck_at)))),
            };
            timer.as_mut().poll(cx)
        })
        .await;
    }
}
