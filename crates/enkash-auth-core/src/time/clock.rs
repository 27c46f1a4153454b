use std::fmt;

use super::Moment;

/// A source of time: one monotonic reading, one wall reading. It only reads; it never sleeps.
///
/// # Examples
///
/// A clock that stands still:
///
/// ```
/// use enkash_auth_core::{Clock, Moment};
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
/// assert_eq!(Noon.now(), Moment::new(0, 1_767_268_800_000_000_000));
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Nanoseconds since a fixed, arbitrary point, 25 h ago or longer where tokens are stored (what
    /// was before it is cut off, and with it an end of a token older than that); the same for all caches of one account in a
    /// process. Never goes back; may stand still between ticks of a few milliseconds and while the
    /// machine is suspended, after which it must move on: between two equal readings of this clock
    /// nobody looks at the other. Less than `u64::MAX - 1`, which is 584 years: what is there no clock
    /// reads.
    fn monotonic_nanos(&self) -> u64;

    /// Nanoseconds since the Unix epoch, as far as this machine knows; 0 before it.
    fn unix_nanos(&self) -> u64;

    /// Both readings.
    fn now(&self) -> Moment {
        Moment::new(self.monotonic_nanos(), self.unix_nanos())
    }
}
