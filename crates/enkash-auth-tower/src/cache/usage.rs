use enkash_auth_core::Timestamp;

use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Tracks how a cache is used, without its lock.
#[derive(Debug)]
pub struct Usage {
    waiting: AtomicUsize,
    requests: AtomicU64,
    /// Whether the refresher looks at this cache.
    is_refreshing: AtomicBool,
    /// Whether another cache of the same id may take its place.
    is_removed: AtomicBool,
    /// When it was created or last consulted its state, on the monotonic clock.
    looked_up: AtomicU64,
}

impl Usage {
    /// Creates that of a cache which is created at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            is_refreshing: AtomicBool::new(false),
            is_removed: AtomicBool::new(false),
            looked_up: AtomicU64::new(now.monotonic_nanos()),
        }
    }

    /// Returns the number of waiting callers.
    pub fn waiting(&self) -> &AtomicUsize {
        &self.waiting
    }

    /// Returns the number of token requests.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that the refresher looks at this cache. Returns `false` if it did already.
    pub fn begin_refreshing(&self) -> bool {
        !self.is_refreshing.swap(true, Ordering::Relaxed)
    }

    /// Records that the refresher does not look at this cache any more.
    pub fn end_refreshing(&self) {
        self.is_refreshing.store(false, Ordering::Relaxed);
    }

    /// Lets another cache of the same id take its place.
    pub fn set_removed(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
    }

    pub fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Relaxed)
    }

    /// Records that the state is consulted at `now`.
    pub fn look_up(&self, now: Timestamp) {
        let now = now.monotonic_nanos();
        self.looked_up.store(now, Ordering::Relaxed);
    }

    /// Returns when the cache was created or last consulted its state, on the monotonic clock.
    pub fn looked_up(&self) -> u64 {
        self.looked_up.load(Ordering::Relaxed)
    }
}
