//! Caches by number.
//!
//! Every request remembers from which cache its token came, in case the API refuses it. A counted
//! reference would be two atomic writes per request, for the one in a million that needs it; a number
//! is a copy, and keeps no cache alive.

use std::{collections::BTreeMap, num::NonZeroU64};

use super::Shared;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, Weak, global};

global! {
    static CACHES: Mutex<BTreeMap<CacheId, Weak<Shared>>> = Mutex::new(BTreeMap::new());
}

/// Names a cache of this process. Never given twice.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct CacheId(NonZeroU64);

impl CacheId {
    /// The cache, while there is one.
    pub(crate) fn cache(self) -> Option<Arc<Shared>> {
        CACHES.lock().get(&self)?.upgrade()
    }
}

/// The entry of a cache, for as long as that lives.
#[derive(Debug)]
pub(super) struct Registered(CacheId);

impl Registered {
    pub(super) fn new(cache: Weak<Shared>) -> Self {
        global! {
            static NEXT: AtomicU64 = AtomicU64::new(1);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // It does not come round: one cache per nanosecond would take 584 years.
        let id = CacheId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX));
        CACHES.lock().insert(id, cache);
        Self(id)
    }

    pub(super) fn id(&self) -> CacheId {
        self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // The guard is gone when the entry is dropped.
        let entry = CACHES.lock().remove(&self.0);
        drop(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_is_gone_is_not_found_and_leaves_nothing_behind() {
        let registered = Registered::new(Weak::new());
        let id = registered.id();
        assert!(CACHES.lock().contains_key(&id));
        assert!(id.cache().is_none());
        drop(registered);
        assert!(!CACHES.lock().contains_key(&id));
        assert_ne!(Registered::new(Weak::new()).id(), id);
    }
}
