use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sync::Arc;

/// Limits the token requests in flight. Accounts whose last fetch failed get a quarter of the places at most, so
/// that they cannot delay the others.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    failing: Arc<Semaphore>,
}

/// Represents a token request that may be in flight.
#[derive(Debug)]
pub struct Place {
    _all: Option<OwnedSemaphorePermit>,
    _failing: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// The default of `limit`.
    pub const DEFAULT: usize = 16;

    /// Creates as many places as `limit`, and one at least.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(limit)),
            failing: Arc::new(Semaphore::new(limit.div_ceil(4))),
        }
    }

    /// Waits for a place, in the order of the calls.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, it has taken none, and lost its turn.
    pub async fn take(&self, is_failing: bool) -> Place {
        let failing = match is_failing {
            true => Arc::clone(&self.failing).acquire_owned().await.ok(),
            false => None,
        };
        Place {
            _failing: failing,
            // Never closed.
            _all: Arc::clone(&self.all).acquire_owned().await.ok(),
        }
    }
}
