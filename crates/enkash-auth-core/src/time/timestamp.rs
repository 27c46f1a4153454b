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
    /// Creates the point at which the clocks read `monotonic` and `unix` nanoseconds.
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

    /// Returns this point as the monotonic clock sees it, whatever the wall clock does.
    ///
    /// For pauses and limits of our own: setting the wall clock must neither end nor stretch them.
    #[must_use]
    pub const fn on_monotonic(self) -> Self {
        Self::new(self.monotonic, u64::MAX)
    }

    /// Returns the one that comes first, on each clock.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        let monotonic = self.monotonic.min(other.monotonic);
        Self::new(monotonic, self.unix.min(other.unix))
    }

    /// Returns whether `now` is at or past this point, by the clock that says so first.
    pub const fn has_passed(self, now: Self) -> bool {
        self.monotonic <= now.monotonic || self.unix <= now.unix
    }

    /// Returns how long this point has passed at `now`, by the clock that ended it first; zero when it has
    /// not.
    pub fn elapsed(self, now: Self) -> Duration {
        let monotonic = now.monotonic.saturating_sub(self.monotonic);
        Duration::from_nanos(monotonic.max(now.unix.saturating_sub(self.unix)))
    }

    /// Returns how long from `now` until this point has [passed](Self::has_passed); zero when it has.
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

/// Saturating: 584 years are for ever here.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
