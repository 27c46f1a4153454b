//! Simulated time, and the clock of each process.

use std::time::Duration;

use enkash_auth_core::Clock;
use tokio::time::Instant;

/// Milliseconds since the simulation began, the resolution of tokio's timers.
pub(crate) type Millis = u64;

/// Noon of the first day of 2026: the wall clocks of server and store when the simulation begins.
const NOON: i64 = 1_767_268_800_000;

/// No process starts together with its machine.
const UPTIME: i64 = 3_600_000;

/// The clock of one process. Its wall reading is off by as much as that of its machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessClock {
    origin: Instant,
    started: Millis,
    skew: i64,
}

impl ProcessClock {
    /// Starts the clock of a process at `started`. Call it on the runtime of the process.
    pub(crate) fn start(started: Millis, skew: i64) -> Self {
        Self {
            origin: Instant::now(),
            started,
            skew,
        }
    }

    /// Returns the simulated time. Call it on the runtime of the process.
    pub(crate) fn time(&self) -> Millis {
        self.started + self.origin.elapsed().as_millis() as Millis
    }

    /// Returns the instant at which the runtime of the process is at `at`.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        self.origin + Duration::from_millis(at - self.started)
    }
}

impl Clock for ProcessClock {
    fn monotonic_nanos(&self) -> u64 {
        nanos(UPTIME + (self.time() - self.started) as i64)
    }

    fn unix_nanos(&self) -> u64 {
        unix_nanos(self.time(), self.skew)
    }
}

/// Returns the reading at `at` of a wall clock that is off by `skew`.
pub(crate) fn unix_nanos(at: Millis, skew: i64) -> u64 {
    nanos(NOON + at as i64 + skew)
}

fn nanos(millis: i64) -> u64 {
    millis.max(0) as u64 * 1_000_000
}
