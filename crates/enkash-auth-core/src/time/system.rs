use std::time::{SystemTime, UNIX_EPOCH};

use super::{Clock, timestamp::nanos};

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

const ORIGIN_NANOS: u64 = 25 * 60 * 60 * 1_000_000_000;

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
