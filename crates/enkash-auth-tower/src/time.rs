use std::time::Duration;

use enkash_auth_core::{Clock, SystemClock};
use tokio::time::Instant;

use crate::sync::Arc;

/// Caps deadlines, so that no timer overflows: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Sets the shortest wait in which a cache's clock advances: the coarse one ticks every 10 ms at most (Linux
/// with `CONFIG_HZ=100`; mostly every 4 ms), the timer every millisecond.
pub const TICK: Duration = Duration::from_millis(10);

/// Reads the clock of a cache. The default one, which nearly all use, is called without dynamic dispatch:
/// every request reads it.
#[derive(Clone, Debug)]
pub enum Time {
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

/// Returns the time `span` from now, capped so that no setting overflows it.
pub fn deadline(span: Duration) -> Instant {
    Instant::now() + span.min(NEVER)
}
