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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_runs_into_the_limit() {
        let progress = Progress::new();
        let start = Instant::now();
        assert!(progress.watch(LIMIT, pending::<()>()).await.is_none());
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_waits_for_the_future() {
        let slow = sleep(Duration::from_secs(10_000));
        assert!(Progress::new().watch(Duration::MAX, slow).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_moves_does_not() {
        let progress = Progress::new();
        let moving = async {
            for _ in 0..5 {
                sleep(Duration::from_secs(9)).await;
                progress.touch();
            }
            pending::<()>().await;
        };
        let start = Instant::now();
        tokio::select! {
            () = moving => {}
            given = progress.watch(LIMIT, pending::<()>()) => assert!(given.is_none()),
        }
        assert_eq!(start.elapsed(), Duration::from_secs(5 * 9) + LIMIT);
    }
}
