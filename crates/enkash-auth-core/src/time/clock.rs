use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Timestamp, timestamp::nanos};

/// Where the monotonic reading of the system's clock begins: 25 h.
const ORIGIN_NANOS: u64 = 25 * 60 * 60 * 1_000_000_000;

/// Reads time: one monotonic reading, one wall reading. It never sleeps.
///
/// # Examples
///
/// A clock that stands still:
///
/// ```
/// use enkash_auth_core::{Clock, Timestamp};
///
/// #[derive(Debug)]
/// struct Noon;
///
/// impl Clock for Noon {
///     fn monotonic_nanos(&self) -> u64 {
///         0
///     }
///
///     fn unix_nanos(&self) -> u64 {
///         1_767_268_800_000_000_000
///     }
/// }
///
/// assert_eq!(Noon.now(), Timestamp::new(0, 1_767_268_800_000_000_000));
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns nanoseconds since a fixed, arbitrary point; the same for all caches of one account in a
    /// process. If tokens are stored, the point is at least 25 h ago: the end of a token that is older than
    /// the reading is cut off.
    ///
    /// Never goes back. It may stand still between ticks of a few milliseconds, and while the machine is
    /// suspended, after which it must advance: between two equal readings the wall clock is not read. Less
    /// than `u64::MAX - 1`, which is 584 years.
    fn monotonic_nanos(&self) -> u64;

    /// Returns nanoseconds since the Unix epoch, by the clock of this machine; 0 before it.
    fn unix_nanos(&self) -> u64;

    /// Returns both readings.
    fn now(&self) -> Timestamp {
        Timestamp::new(self.monotonic_nanos(), self.unix_nanos())
    }
}

/// Reads the clocks of this machine. The default.
///
/// The monotonic reading is the kernel's coarse one: 2.5 ns instead of 22 ns, as measured on an AMD EPYC,
/// with ticks of at most a few milliseconds (4 ms on Linux, mostly): a token is attached that much past
/// its deadline, which is at least 125 ms before its expiry if it lives for a second or more.
///
/// It reads the uptime plus 25 h: so a stored token, which lives for 24 h at most, also expires by the
/// monotonic clock if it is older than the uptime.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn monotonic_nanos(&self) -> u64 {
        let ticks = coarsetime::Instant::now_without_cache_update().as_ticks();
        ORIGIN_NANOS + coarsetime::Duration::from_ticks(ticks).as_nanos()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn unix_nanos(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        nanos(since.unwrap_or_default())
    }
}
