use super::{Shared, TokenFuture};
use crate::{
    meter,
    sync::{Arc, Weak},
};

/// Which token was attached to a request, so that a refusal can name it. Holds no cache alive.
#[derive(Clone, Debug)]
pub(crate) struct Attached(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Weak<Shared>,
    generation: u64,
}

impl Attached {
    pub(crate) fn new(cache: Weak<Shared>, generation: u64) -> Self {
        Self(Arc::new(Inner { cache, generation }))
    }

    /// The same, with a count of its own.
    pub(super) fn copy(&self) -> Self {
        Self::new(Weak::clone(&self.0.cache), self.0.generation)
    }

    /// The API answered 401 to it.
    pub(crate) fn refused(&self) {
        if let Some(cache) = self.0.cache.upgrade() {
            cache.refuse(self.0.generation);
        }
    }

    /// The token after it; `None` where the cache is gone.
    pub(crate) fn successor(&self) -> Option<TokenFuture> {
        self.0.cache.upgrade().map(|cache| TokenFuture::new(&cache))
    }

    /// What became of the replay of a call that was refused.
    pub(crate) fn replayed(&self, result: &'static str) {
        if let Some(cache) = self.0.cache.upgrade() {
            meter::replayed(cache.endpoint().account(), result);
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.0.generation
    }
}
