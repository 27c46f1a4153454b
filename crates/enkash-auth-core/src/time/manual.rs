use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Clock, timestamp::nanos};

/// Advances only when a test sets it. Clones share their time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_core::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), start + Duration::from_secs(60));
///
/// clock.step_wall_back(Duration::from_secs(3600));
/// assert_eq!(clock.now().monotonic_nanos(), start.monotonic_nanos() + 60_000_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    monotonic: Arc<AtomicU64>,
    unix: Arc<AtomicU64>,
}

impl ManualClock {
    /// Creates a clock that reads 2026-01-01T12:00:00Z, 26 h after the origin of its monotonic reading.
    pub fn new() -> Self {
        Self {
            monotonic: Arc::new(AtomicU64::new(26 * 3_600_000_000_000)),
            unix: Arc::new(AtomicU64::new(1_767_268_800_000_000_000)),
        }
    }

    /// Advances both clocks.
    pub fn advance(&self, span: Duration) {
        for reading in [&self.monotonic, &self.unix] {
            set(reading, |now| now.saturating_add(nanos(span)).min(LAST));
        }
    }

    /// Suspends the machine, or sets its wall clock forward: the monotonic one advances by one tick only.
    pub fn suspend(&self, span: Duration) {
        set(&self.unix, |unix| unix.saturating_add(nanos(span)));
        set(&self.monotonic, |monotonic| (monotonic + 1).min(LAST));
    }

    /// Sets the wall clock back, to the epoch at most.
    pub fn step_wall_back(&self, span: Duration) {
        set(&self.unix, |unix| unix.saturating_sub(nanos(span)));
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn monotonic_nanos(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }

    fn unix_nanos(&self) -> u64 {
        self.unix.load(Ordering::Relaxed)
    }
}

/// A clock stops at the end of its range; it does not wrap around.
const LAST: u64 = u64::MAX - 2;

fn set(reading: &AtomicU64, change: impl Fn(u64) -> u64) {
    let change = |now| Some(change(now));
    let _ = reading.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
}
