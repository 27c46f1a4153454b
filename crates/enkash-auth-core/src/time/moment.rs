use std::time::Duration;

/// One point in time on both clocks, in nanoseconds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Moment {
    monotonic: u64,
    unix: u64,
}

impl Moment {
    /// The point at which the clocks read `monotonic` and `unix` nanoseconds.
    pub const fn new(monotonic: u64, unix: u64) -> Self {
        Self { monotonic, unix }
    }

    /// The monotonic reading, in nanoseconds since an arbitrary point.
    pub const fn monotonic_nanos(self) -> u64 {
        self.monotonic
    }

    /// The wall reading, in nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.unix
    }

    /// `span` later, on both clocks; the end of time where that would be beyond it.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let span = nanos(span);
        Self::new(
            self.monotonic.saturating_add(span),
            self.unix.saturating_add(span),
        )
    }

    /// `span` earlier, on both clocks; their beginning where that would be before it.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let span = nanos(span);
        Self::new(
            self.monotonic.saturating_sub(span),
            self.unix.saturating_sub(span),
        )
    }

    /// This point as the monotonic clock sees it, whatever the wall clock does.
    ///
    /// For pauses and limits of our own: setting the wall clock must neither end nor stretch them.
    #[must_use]
    pub const fn on_monotonic(self) -> Self {
        Self::new(self.monotonic, u64::MAX)
    }

    /// Whichever comes first, on each clock.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        Self::new(
            self.monotonic.min(other.monotonic),
            self.unix.min(other.unix),
        )
    }

    /// Whether `now` is at or past this point, by whichever clock says so first.
    pub const fn is_over(self, now: Self) -> bool {
        self.monotonic <= now.monotonic || self.unix <= now.unix
    }

    /// How long this point has been over at `now`, by the clock that ended it first; zero when it is
    /// not.
    pub fn over_for(self, now: Self) -> Duration {
        Duration::from_nanos(
            now.monotonic
                .saturating_sub(self.monotonic)
                .max(now.unix.saturating_sub(self.unix)),
        )
    }

    /// How long from `now` until this point is [over](Self::is_over); zero when it is.
    pub fn remaining(self, now: Self) -> Duration {
        Duration::from_nanos(
            self.monotonic
                .saturating_sub(now.monotonic)
                .min(self.unix.saturating_sub(now.unix)),
        )
    }
}

/// Saturating: 584 years are for ever here.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
