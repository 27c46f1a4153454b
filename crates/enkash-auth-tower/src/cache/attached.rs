//! Identifies the token that a request carries, and its cache.
//!
//! Every request keeps this in case of a 401. A counted reference would cost two atomic writes per request,
//! for the one in a million that needs it; an id is a copy, and keeps no cache alive.

use std::{collections::BTreeMap, num::NonZeroU64};

use super::{Shared, TokenFuture};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, Weak, global};

global! {
    static CACHES: Mutex<BTreeMap<CacheId, Weak<Shared>>> = Mutex::new(BTreeMap::new());
}

/// Identifies the token attached to a request. Keeps no cache alive.
#[derive(Clone, Copy, Debug)]
pub struct Attached {
    cache: CacheId,
    generation: u64,
}

impl Attached {
    /// Records that the API did not take it, in response to a call that was not watched.
    pub fn unauthorized(self, is_proof: bool) {
        if let Some(cache) = self.cache.cache() {
            cache.unauthorized(self.generation, is_proof, None);
        }
    }

    /// Returns a future of the next token, or `None` if the cache was dropped. Without a fetch in flight it is the
    /// same one.
    pub fn successor(self) -> Option<TokenFuture> {
        let cache = self.cache.cache()?;
        Some(TokenFuture::new(&cache, Some(self.generation)))
    }

    /// Counts the `result` of replaying an unauthorized call.
    pub fn replayed(self, result: &'static str) {
        let Some(cache) = self.cache.cache() else {
            return;
        };
        if let Some(account) = cache.account() {
            cache.attempts().meter().replayed(account, result);
        }
    }

    pub fn generation(self) -> u64 {
        self.generation
    }
}

/// Identifies a cache of this process. Never reused.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct CacheId(NonZeroU64);

impl CacheId {
    /// Returns the cache, unless it was dropped.
    fn cache(self) -> Option<Arc<Shared>> {
        CACHES.lock().get(&self)?.upgrade()
    }
}

/// Registers a cache until it is dropped.
#[derive(Debug)]
pub struct Registered(CacheId);

impl Registered {
    pub fn new(cache: Weak<Shared>) -> Self {
        global! {
            static NEXT: AtomicU64 = AtomicU64::new(1);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // It does not wrap: one cache per nanosecond would take 584 years.
        let id = CacheId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX));
        CACHES.lock().insert(id, cache);
        Self(id)
    }

    /// Identifies the token of `generation`.
    pub fn attached(&self, generation: u64) -> Attached {
        Attached {
            cache: self.0,
            generation,
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // The lock is released before the entry is dropped.
        let entry = CACHES.lock().remove(&self.0);
        drop(entry);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/attached.rs"]
mod tests;
