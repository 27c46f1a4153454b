use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

/// So far ahead that nobody waits for it, and no timer overflows: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// When a body last moved. Clones share it: the body writes, whoever waits for the answer reads.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    start: Instant,
    /// Milliseconds after the start.
    last: Arc<AtomicU64>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: Arc::default(),
        }
    }

    /// The body moves now.
    pub(crate) fn touch(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed, Ordering::Relaxed);
    }

    /// What `future` gives, or nothing when for `limit` neither it is done nor the body moves.
    pub(crate) async fn watch<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let limit = limit.min(NEVER);
        let mut future = pin!(future);
        loop {
            let end = self.last() + limit;
            if let Ok(output) = timeout_at(end, &mut future).await {
                return Some(output);
            }
            if self.last() + limit <= end {
                return None;
            }
        }
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}
