use std::time::Duration;

use tokio::time::Instant;

/// So far ahead that nobody waits for it, and no timer overflows: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// No wait is shorter where a cache's clock has to move on meanwhile: the coarse one ticks every 10 ms at most
/// (Linux with `CONFIG_HZ=100`; mostly every 4 ms), the timer every millisecond.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// `span` from now, whatever a setting says.
pub(crate) fn after(span: Duration) -> Instant {
    Instant::now() + span.min(NEVER)
}
