use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The last millisecond that an HTTP date can express: the end of the year 9999.
const LAST_MS: i64 = 253_402_300_799_999;

/// The clock of the issuer, for token expiry and the `Date` header.
///
/// [`Clock::real`] runs on tokio's clock, so a test that pauses and advances tokio's time moves it;
/// [`Clock::manual`] stands still until it is advanced. Either can be wrong on purpose. Clones share
/// the clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The time at the start, in Unix milliseconds.
    start: i64,
    /// The tokio time at the start; `None` in a manual clock.
    running_since: Option<Instant>,
    /// How far `advance` has moved the clock, in milliseconds.
    advanced: AtomicI64,
    /// How far ahead of the truth the clock is on purpose, in milliseconds.
    offset: AtomicI64,
}

impl Clock {
    /// Creates a clock that starts at the machine's time and runs with tokio's.
    pub fn real() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the anchor of the clock; everything after runs on tokio's time"
        )]
        let wall = SystemTime::now();
        Self::new(wall, Some(Instant::now()))
    }

    /// Creates a clock that stands at `start` until [`advance`](Self::advance) moves it.
    pub fn manual(start: SystemTime) -> Self {
        Self::new(start, None)
    }

    /// Returns the time of the issuer.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.unix_ms().unsigned_abs())
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.0.advanced.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Makes the clock wrong: ahead of the truth by `by` milliseconds, or behind if negative.
    ///
    /// As on any server whose clock is set, issued tokens then expire earlier or later.
    pub fn set_offset_ms(&self, by: i64) {
        self.0
            .offset
            .store(by.clamp(-LAST_MS, LAST_MS), Ordering::SeqCst);
    }

    /// Returns how far ahead of the truth the clock is, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        self.0.offset.load(Ordering::SeqCst)
    }

    /// Returns the time in Unix milliseconds; never before 1970 or after 9999.
    pub(crate) fn unix_ms(&self) -> i64 {
        self.0
            .start
            .saturating_add(self.elapsed_ms())
            .saturating_add(self.offset_ms())
            .clamp(0, LAST_MS)
    }

    /// Returns the milliseconds since the start, independent of the offset.
    pub(crate) fn elapsed_ms(&self) -> i64 {
        let start = self.0.running_since;
        let ran = start.map_or(0, |start| millis(start.elapsed()));
        ran.saturating_add(self.0.advanced.load(Ordering::SeqCst))
    }

    fn new(start: SystemTime, running_since: Option<Instant>) -> Self {
        let start = start.duration_since(UNIX_EPOCH).map_or(0, millis);
        Self(Arc::new(Inner {
            start,
            running_since,
            advanced: AtomicI64::new(0),
            offset: AtomicI64::new(0),
        }))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

/// Returns whole milliseconds, at most what a clock can show.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(LAST_MS, |ms| ms.min(LAST_MS))
}
