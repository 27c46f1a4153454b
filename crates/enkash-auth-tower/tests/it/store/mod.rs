//! Stores: one token and one record of attempts for whoever shares them.

mod damage;
mod down;
#[cfg(unix)]
mod file;
pub(crate) mod flaky;
#[cfg(unix)]
mod left;
mod parting;
mod process;
mod race;
mod refused;

use std::sync::Arc;

use enkash_auth_tower::{TokenCache, TokenStore};

use crate::support::{Kit, TokioClock};

/// An issuer, and caches that share a store and a clock as processes would.
pub(crate) struct Fleet<S> {
    pub(crate) kit: Kit,
    pub(crate) store: Arc<S>,
    pub(crate) clock: TokioClock,
}

impl<S: TokenStore> Fleet<S> {
    pub(crate) fn new(kit: Kit, store: S) -> Self {
        Self {
            kit,
            store: Arc::new(store),
            clock: TokioClock::new(),
        }
    }

    /// One more process.
    pub(crate) fn start(&self, password: &str) -> TokenCache {
        let store = Arc::clone(&self.store);
        TokenCache::builder(self.kit.endpoint(password))
            .clock(self.clock)
            .store(store)
            .build()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.kit.issuer.counters().token_requests
    }
}
