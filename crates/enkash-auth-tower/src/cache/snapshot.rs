//! What the fast path reads.
//!
//! A view carries its version. A copy of it is good while the current version is the same, so a
//! reader that is overtaken by a publication merely looks again.
//!
//! 1. Only the holder of the state's lock publishes.
//! 2. The view is stored before its version: who reads version `n` loads view `n` or a later one.

use arc_swap::{ArcSwapOption, Guard};
use enkash_auth_core::state::View;

use crate::sync::{Arc, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    version: AtomicU64,
    current: ArcSwapOption<Published>,
}

#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) version: u64,
    pub(crate) view: View,
}

impl Snapshot {
    /// Changes with each publication.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn load(&self) -> Guard<Option<Arc<Published>>> {
        self.current.load()
    }

    /// Replaces the view; the old one is the caller's to drop, outside the lock.
    pub(crate) fn publish(&self, view: Option<View>) -> Option<Arc<Published>> {
        let version = self.version.load(Ordering::Relaxed) + 1;
        let published = view.map(|view| Arc::new(Published { version, view }));
        let old = self.current.swap(published);
        self.version.store(version, Ordering::Release);
        old
    }
}
