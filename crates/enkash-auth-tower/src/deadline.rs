use std::time::Duration;

use tokio::time::Instant;

/// So far ahead that nobody waits for it, and no timer overflows: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `span` from now, whatever a setting says.
pub(crate) fn after(span: Duration) -> Instant {
    Instant::now() + span.min(NEVER)
}
