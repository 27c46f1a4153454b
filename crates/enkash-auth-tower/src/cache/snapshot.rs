//! What the fast path reads.
//!
//! 1. The view is stored before the version: who reads version `n` reads view `n` or a later one.
//! 2. The version is read *before* the view, or an old view would be pinned to a new version.
//! 3. Only the holder of the state's lock publishes.

use arc_swap::{ArcSwapOption, Guard};
use enkash_auth_core::state::View;

use crate::sync::{Arc, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    version: AtomicU64,
    view: ArcSwapOption<View>,
}

impl Snapshot {
    /// Changes whenever the view does.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn load(&self) -> Guard<Option<Arc<View>>> {
        self.view.load()
    }

    /// Replaces the view; the old one is the caller's to drop, outside the lock.
    pub(crate) fn publish(&self, view: Option<View>) -> Option<Arc<View>> {
        let old = self.view.swap(view.map(Arc::new));
        self.version.fetch_add(1, Ordering::Release);
        old
    }
}
