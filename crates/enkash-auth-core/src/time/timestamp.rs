use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// Holds one point in time on both clocks, in nanoseconds. It has passed as soon as either says so.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timestamp {
    monotonic: u64,
    unix: u64,
}

impl Timestamp {
    /// Creates the timestamp at which the clocks read `monotonic` and `unix` nanoseconds.
    pub const fn new(monotonic: u64, unix: u64) -> Self {
        Self { monotonic, unix }
    }

    /// Returns the monotonic reading, in nanoseconds since an arbitrary point.
    pub const fn monotonic_nanos(self) -> u64 {
        self.monotonic
    }

    /// Returns the wall reading, in nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.unix
    }

    /// Returns this timestamp by the monotonic clock alone.
    ///
    /// For backoffs and timeouts: setting the wall clock must neither end nor extend them.
    #[must_use]
    pub const fn on_monotonic(self) -> Self {
        Self::new(self.monotonic, u64::MAX)
    }

    /// Returns the earlier of two timestamps, on each clock.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        let monotonic = self.monotonic.min(other.monotonic);
        Self::new(monotonic, self.unix.min(other.unix))
    }

    /// Returns whether `now` is at or past this timestamp, on either clock.
    pub const fn has_passed(self, now: Self) -> bool {
        self.monotonic <= now.monotonic || self.unix <= now.unix
    }

    /// Returns how long ago this timestamp has passed at `now`, by the clock that passed it first; zero if it
    /// has not.
    pub fn elapsed(self, now: Self) -> Duration {
        let monotonic = now.monotonic.saturating_sub(self.monotonic);
        Duration::from_nanos(monotonic.max(now.unix.saturating_sub(self.unix)))
    }

    /// Returns how long from `now` until this timestamp has [passed](Self::has_passed); zero if it has.
    pub fn remaining(self, now: Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(now.monotonic);
        Duration::from_nanos(monotonic.min(self.unix.saturating_sub(now.unix)))
    }
}

/// Adds `span` on both clocks, up to the end of time.
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let span = nanos(span);
        let [monotonic, unix] = [self.monotonic, self.unix].map(|at| at.saturating_add(span));
        Self::new(monotonic, unix)
    }
}

/// Subtracts `span` on both clocks, down to their beginning.
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        let span = nanos(span);
        let [monotonic, unix] = [self.monotonic, self.unix].map(|at| at.saturating_sub(span));
        Self::new(monotonic, unix)
    }
}

/// Saturates at 584 years.
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
