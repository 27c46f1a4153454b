use std::collections::BTreeMap;

use enkash_auth_core::{
    Policy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

use crate::sync::Mutex;

/// How many moments are tried for one refresh.
const STEPS: u32 = 64;

/// Spreads the refreshes of many accounts, so that there are as many in any second.
///
/// Each begins as late as it can without making its second one with more refreshes than the mean. So a thousand
/// tokens that were fetched at once are refreshed over most of their lifetime the first time, and near its end from
/// then on.
#[derive(Debug, Default)]
pub struct Jitter(Mutex<Load>);

#[derive(Debug, Default)]
struct Load {
    /// How many refreshes begin in which second of the monotonic clock.
    seconds: BTreeMap<u64, u32>,
    total: u32,
}

impl Jitter {
    /// Chooses when a token of `lifetime`, granted at `now`, is refreshed. Returns the jitter of its schedule.
    pub fn choose(&self, lifetime: &Lifetime, now: Timestamp, policy: &Policy) -> f64 {
        let offset = fastrand::f64();
        let mut load = self.0.lock();
        load.forget_before(second(now));
        let mean = f64::from(load.total) / lifetime.length().unwrap_or_default().as_secs_f64();
        let mut best = (u32::MAX, 0, 0.0);
        for step in 0..STEPS {
            let jitter = 2.0 * (f64::from(step) + offset) / f64::from(STEPS);
            let Some(schedule) = Schedule::new(lifetime, policy, jitter) else {
                break;
            };
            let second = second(schedule.refresh_at());
            let refreshes = load.seconds.get(&second).copied().unwrap_or_default();
            if refreshes < best.0 {
                best = (refreshes, second, jitter);
            }
            if f64::from(refreshes) <= mean {
                break;
            }
        }
        let (refreshes, second, jitter) = best;
        if refreshes < u32::MAX {
            load.seconds.insert(second, refreshes + 1);
            load.total += 1;
        }
        jitter
    }
}

impl Load {
    fn forget_before(&mut self, second: u64) {
        while let Some(passed) = self.seconds.first_entry().filter(|it| *it.key() < second) {
            self.total -= passed.remove();
        }
    }
}

fn second(at: Timestamp) -> u64 {
    at.monotonic_nanos() / 1_000_000_000
}

#[cfg(test)]
#[path = "../../tests/unit/jitter.rs"]
mod tests;
