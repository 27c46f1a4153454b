use super::{TokenFuture, registry::CacheId};
use crate::meter;

/// Which token was attached to a request, so that a refusal can name it. Holds no cache alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    cache: CacheId,
    generation: u64,
}

impl Attached {
    pub(super) fn new(cache: CacheId, generation: u64) -> Self {
        Self { cache, generation }
    }

    /// The API answered 401 to it.
    pub(crate) fn refused(self) {
        if let Some(cache) = self.cache.cache() {
            cache.refuse(self.generation);
        }
    }

    /// The token after it; `None` where the cache is gone.
    pub(crate) fn successor(self) -> Option<TokenFuture> {
        self.cache.cache().map(|cache| TokenFuture::new(&cache))
    }

    /// What became of the replay of a call that was refused.
    pub(crate) fn replayed(self, result: &'static str) {
        if let Some(cache) = self.cache.cache() {
            meter::replayed(cache.endpoint().account(), result);
        }
    }

    pub(crate) fn generation(self) -> u64 {
        self.generation
    }
}
