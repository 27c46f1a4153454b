use std::time::Duration;

use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::Shared;
use crate::{
    sync::{Arc, Mutex, Weak},
    time::TICK,
};

/// The longest nap: the timer stands still while the machine is suspended, the token does not.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// For so long a task is taken to be awake that has said so: a nap, and as long again.
const AWAKE: Duration = LONGEST_NAP.saturating_mul(2);

/// The nap while a flight is on, and after one was asked for.
const SHORTEST_NAP: Duration = Duration::from_millis(100);

/// Keeps a cache warm, where its policy wants that: asks in its time, as a caller would.
///
/// There is one task at a time, on the runtime of the caller that launched a flight. It holds no
/// cache alive. When its runtime has ended, or has not driven it in time, the next launch starts
/// another.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    duty: Arc<Mutex<Duty>>,
}

#[derive(Debug, Default)]
struct Duty {
    /// Which task has it, counted from 1.
    number: u64,
    /// By when that one says so again; `None` where it is gone.
    until: Option<Instant>,
}

/// What a task knows of its duty. Says that it is gone, however it ends.
struct OnDuty {
    duty: Arc<Mutex<Duty>>,
    number: u64,
}

impl Keeper {
    /// `is_asleep`: whether a flight had to be given up. It may have been one of the task that is on.
    pub(super) fn start(&self, runtime: &Handle, shared: &Arc<Shared>, is_asleep: bool) {
        if shared.policy().keep_warm
            && let Some(on_duty) = self.relieve(is_asleep)
        {
            runtime.spawn(keep(Arc::downgrade(shared), on_duty));
        }
    }

    /// The duty, where nobody has it who is awake.
    fn relieve(&self, is_asleep: bool) -> Option<OnDuty> {
        let now = Instant::now();
        let mut duty = self.duty.lock();
        if !is_asleep && duty.until.is_some_and(|until| now <= until) {
            return None;
        }
        duty.number += 1;
        duty.until = Some(now + AWAKE);
        Some(OnDuty {
            duty: Arc::clone(&self.duty),
            number: duty.number,
        })
    }
}

impl OnDuty {
    /// Goes on for a nap. False where somebody else has the duty.
    fn goes_on(&self) -> bool {
        let now = Instant::now();
        let mut duty = self.duty.lock();
        let is_own = duty.number == self.number;
        if is_own {
            duty.until = Some(now + AWAKE);
        }
        is_own
    }
}

async fn keep(shared: Weak<Shared>, on_duty: OnDuty) {
    // Relieved, it does nothing more, should its runtime be driven again.
    while on_duty.goes_on() {
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
        let mut duty = self.duty.lock();
        if duty.number == self.number {
            duty.until = None;
        }
    }
}
