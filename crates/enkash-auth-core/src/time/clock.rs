use std::fmt;

use super::Timestamp;

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
