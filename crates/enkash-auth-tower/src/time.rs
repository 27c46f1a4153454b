use std::time::Duration;

use enkash_auth_core::{Clock, SystemClock};
use tokio::time::Instant;

use crate::sync::Arc;

/// So far ahead that no timer is due by then, and none overflows: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// No wait is shorter where a cache's clock has to move on meanwhile: the coarse one ticks every 10 ms at most
/// (Linux with `CONFIG_HZ=100`; mostly every 4 ms), the timer every millisecond.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The clock of a cache. The default one, which nearly all have, is called without a detour: it is
/// asked for every request.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    System(SystemClock),
    Other(Arc<dyn Clock>),
}

impl Clock for Time {
    #[inline]
    fn monotonic_nanos(&self) -> u64 {
        match self {
            Self::System(clock) => clock.monotonic_nanos(),
            Self::Other(clock) => clock.monotonic_nanos(),
        }
    }

    fn unix_nanos(&self) -> u64 {
        match self {
            Self::System(clock) => clock.unix_nanos(),
            Self::Other(clock) => clock.unix_nanos(),
        }
    }
}

/// Returns the time `span` from now, whatever a setting says.
pub(crate) fn deadline(span: Duration) -> Instant {
    Instant::now() + span.min(NEVER)
}
