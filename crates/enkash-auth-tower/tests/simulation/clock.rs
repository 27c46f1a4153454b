//! Virtual time, and what each replica makes of it.

use std::time::Duration;

use enkash_auth_core::{Clock, Moment};
use tokio::time::Instant;

/// Milliseconds since the simulation began: what tokio's timers count in.
pub(crate) type Millis = u64;

/// Noon of the first day of 2026: the issuer's wall clock, and the store's, at the beginning.
const NOON: i64 = 1_767_268_800_000;

/// A process is never started with the machine.
const UP_FOR: i64 = 3_600_000;

/// The clock of one process: its monotonic reading counts from some boot, its wall reading is wrong by
/// as much as that of its machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplicaClock {
    origin: Instant,
    started: Millis,
    skew: i64,
}

impl ReplicaClock {
    /// Of a process that starts at `started`; to be called on its runtime.
    pub(crate) fn start(started: Millis, skew: i64) -> Self {
        Self {
            origin: Instant::now(),
            started,
            skew,
        }
    }

    /// What time it is; to be called on the runtime of the process.
    pub(crate) fn virtual_now(&self) -> Millis {
        self.started + self.origin.elapsed().as_millis() as Millis
    }

    /// When the runtime of the process will be at `at`.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        self.origin + Duration::from_millis(at - self.started)
    }

    /// What this clock read, or would have read, at `at`.
    pub(crate) fn moment(&self, at: i64) -> Moment {
        let monotonic = UP_FOR + at - self.started as i64;
        Moment::new(nanos(monotonic), nanos(NOON + at + self.skew))
    }

    /// When this clock read `moment`.
    pub(crate) fn virtual_at(&self, moment: Moment) -> i64 {
        (moment.monotonic_nanos() / 1_000_000) as i64 - UP_FOR + self.started as i64
    }
}

impl Clock for ReplicaClock {
    fn monotonic_nanos(&self) -> u64 {
        self.moment(self.virtual_now() as i64).monotonic_nanos()
    }

    fn unix_nanos(&self) -> u64 {
        self.moment(self.virtual_now() as i64).unix_nanos()
    }
}

/// What the clocks of issuer and store read at `at`.
pub(crate) fn true_moment(at: Millis) -> Moment {
    Moment::new(nanos(UP_FOR + at as i64), nanos(NOON + at as i64))
}

fn nanos(millis: i64) -> u64 {
    millis.max(0) as u64 * 1_000_000
}
