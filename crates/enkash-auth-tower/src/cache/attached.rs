//! Which token a request carries, and of which cache.
//!
//! Every request remembers from which cache its token came, in case the API refuses it. A counted
//! reference would be two atomic writes per request, for the one in a million that needs it; a number
//! is a copy, and keeps no cache alive.

use std::{collections::BTreeMap, num::NonZeroU64};

use super::{Shared, TokenFuture};
use crate::{
    meter,
    sync::{Arc, AtomicU64, Mutex, Ordering, Weak, global},
};

global! {
    static CACHES: Mutex<BTreeMap<CacheId, Weak<Shared>>> = Mutex::new(BTreeMap::new());
}

/// Names the token that was attached to a request. Holds no cache alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    cache: CacheId,
    generation: u64,
}

impl Attached {
    /// Records that the API responded with 401 to it.
    pub(crate) fn unauthorized(self) {
        if let Some(cache) = self.cache.cache() {
            cache.unauthorized(self.generation);
        }
    }

    /// Returns the cache, or `None` if it is gone.
    pub(crate) fn cache(self) -> Option<Arc<Shared>> {
        self.cache.cache()
    }

    /// Returns the token after it, or `None` if the cache is gone.
    pub(crate) fn successor(self) -> Option<TokenFuture> {
        self.cache().map(|cache| TokenFuture::new(&cache))
    }

    /// Counts what became of the replay of a call that was refused.
    pub(crate) fn replayed(self, result: &'static str) {
        if let Some(cache) = self.cache.cache() {
            meter::replayed(cache.endpoint().account(), result);
        }
    }

    pub(crate) fn generation(self) -> u64 {
        self.generation
    }
}

/// Names a cache of this process. Never given twice.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct CacheId(NonZeroU64);

impl CacheId {
    /// Returns the cache, while there is one.
    fn cache(self) -> Option<Arc<Shared>> {
        CACHES.lock().get(&self)?.upgrade()
    }
}

/// Lists a cache, for as long as that lives.
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

    /// Returns what to remember of a request that carries the token of `generation`.
    pub(super) fn attached(&self, generation: u64) -> Attached {
        Attached {
            cache: self.0,
            generation,
        }
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
#[path = "../../tests/unit/attached.rs"]
mod tests;
