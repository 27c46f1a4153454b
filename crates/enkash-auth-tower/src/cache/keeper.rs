use std::time::Duration;

use enkash_auth_core::Clock;
use tokio::{runtime::Handle, time::sleep};

use super::Shared;
use crate::deadline::TICK;
use crate::sync::{Arc, AtomicBool, Ordering, Weak};

/// The longest nap: the timer stands still while the machine is suspended, the token does not.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// The nap while a flight is on, and after one was asked for.
const SHORTEST_NAP: Duration = Duration::from_millis(100);

/// Keeps a cache warm, where its policy wants that: asks in its time, as a caller would.
///
/// There is one task at a time, on the runtime of the caller that launched a flight. It holds no
/// cache alive; when its runtime ends, the next launch starts another.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    is_on: Arc<AtomicBool>,
}

/// Says that the task is gone, however it ends.
struct OnDuty(Arc<AtomicBool>);

impl Keeper {
    pub(super) fn start(&self, runtime: &Handle, shared: &Arc<Shared>) {
        if shared.policy().keep_warm && !self.is_on.swap(true, Ordering::AcqRel) {
            let on_duty = OnDuty(Arc::clone(&self.is_on));
            runtime.spawn(keep(Arc::downgrade(shared), on_duty));
        }
    }
}

async fn keep(shared: Weak<Shared>, _on_duty: OnDuty) {
    loop {
        sleep(LONGEST_NAP.min(match shared.upgrade() {
            Some(shared) => nap(&shared),
            None => return,
        }))
        .await;
    }
}

/// Asks if it is time to, and says how long to sleep then.
fn nap(shared: &Arc<Shared>) -> Duration {
    match shared.idle_for() {
        Some(Duration::ZERO) => {
            // What comes of it is told to those who call.
            drop(shared.ask());
            SHORTEST_NAP
        }
        Some(idle) => idle.max(TICK),
        None => SHORTEST_NAP,
    }
}

impl Drop for OnDuty {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Shared {
    /// How long nobody needs to ask who keeps this warm: zero for now, `None` while a flight is on.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let now = self.clock.now();
        let books = self.books.lock();
        match books.state.flight() {
            Some(flight) if !flight.overdue().is_over(now) => None,
            Some(_) => Some(Duration::ZERO),
            None => books
                .state
                .next_look_unasked(now, &self.policy)
                .map_or(Some(Duration::MAX), |look| Some(look.remaining(now))),
        }
    }
}
