use enkash_auth_core::Clock;
use tokio::time::Instant;

/// A clock that follows tokio's, paused or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn monotonic_nanos(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn unix_nanos(&self) -> u64 {
        1_767_268_800_000_000_000 + self.monotonic_nanos()
    }
}
