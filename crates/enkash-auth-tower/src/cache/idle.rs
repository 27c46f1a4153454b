use std::{future::poll_fn, pin::Pin, task::Poll};

use tokio::{
    runtime::{Handle, Id},
    time::{Sleep, sleep_until},
};

use super::Shared;
use crate::deadline;

/// Completes when no fetch is in flight. A fetch that is overdue is none: its runtime may never be
/// driven again.
pub(super) async fn idle(shared: &Shared) {
    while let Some(pending) = shared.pending() {
        let left = pending.overdue.remaining(shared.clock().now());
        let look_at = deadline::after(left.max(deadline::TICK));
        let mut seat = pending.landing.seat();
        let mut timer: Option<(Id, Pin<Box<Sleep>>)> = None;
        poll_fn(|cx| {
            if seat.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            // Outside any runtime there is no timer, only the end of the fetch.
            let Ok(here) = Handle::try_current() else {
                return Poll::Pending;
            };
            let here = here.id();
            // A timer of another runtime may not be driven any more.
            let (_, timer) = match &mut timer {
                Some(timer) if timer.0 == here => timer,
                timer => timer.insert((here, Box::pin(sleep_until(look_at)))),
            };
            timer.as_mut().poll(cx)
        })
        .await;
    }
}
