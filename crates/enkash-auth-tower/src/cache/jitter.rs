use std::{collections::BTreeMap, time::Duration};

use enkash_auth_core::{
    Policy, Timestamp,
    lifetime::{Lifetime, Schedule},
};

use crate::sync::Mutex;

/// How many moments are tried for one refresh.
const STEPS: u32 = 16;

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
        let candidate = |step| {
            let jitter = 2.0 * (f64::from(step) + offset) / f64::from(STEPS);
            let schedule = Schedule::new(lifetime, policy, jitter)?;
            Some((second(schedule.refresh_at()), jitter))
        };
        // The latest first. Before the lock, which all fetches share.
        let candidates: Vec<_> = (0..STEPS).map_while(candidate).collect();
        let length = lifetime.length().unwrap_or_default();
        let mut load = self.0.lock();
        load.forget_before(second(now));
        load.add_to_one(&candidates, length).unwrap_or_default()
    }
}

impl Load {
    /// Adds a refresh of one account in `length` to the first of `candidates` with no more of them than the mean, or to
    /// the one with the fewest. Returns its jitter.
    fn add_to_one(&mut self, candidates: &[(u64, f64)], length: Duration) -> Option<f64> {
        let refreshes = |second| self.seconds.get(&second).copied().unwrap_or_default();
        let mean = f64::from(self.total) / length.as_secs_f64();
        let first = candidates
            .iter()
            .find(|it| f64::from(refreshes(it.0)) <= mean);
        let fewest = || candidates.iter().min_by_key(|it| refreshes(it.0));
        let (second, jitter) = *first.or_else(fewest)?;
        *self.seconds.entry(second).or_default() += 1;
        self.total += 1;
        Some(jitter)
    }

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
