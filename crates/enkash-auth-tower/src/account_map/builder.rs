use std::{fmt, sync::Arc, time::Duration};

use enkash_auth_core::Credentials;

use super::{AccountId, Accounts, accounts::SourceOf};
#[cfg(feature = "config")]
use crate::config::{Config, ConfigError};
use crate::{
    BoxError, TokenServer,
    cache::{Common, Settings, Source, setters},
};

/// Builds [`Accounts`].
#[must_use = "a builder builds nothing by itself"]
pub struct AccountsBuilder<K> {
    server: TokenServer,
    source: SourceOf<K>,
    settings: Settings,
    capacity: usize,
    idle_timeout: Duration,
}

impl<K: AccountId> AccountsBuilder<K> {
    pub(super) fn new<F>(
        server: TokenServer,
        source: impl Fn(K) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        let source = Arc::new(source);
        Self {
            server,
            source: Arc::new(move |id| {
                let (source, id) = (Arc::clone(&source), K::clone(id));
                Source::new(move || source(id.clone()))
            }),
            settings: Settings::default(),
            capacity: 100_000,
            idle_timeout: Duration::from_secs(24 * 60 * 60),
        }
    }

    setters!();

    /// Sets the policy of `config`, the headers of calls, and what it does while the store is down. Sets neither the
    /// store nor the credentials.
    ///
    /// # Errors
    ///
    /// As for [`Config::policy`]; the text names the key.
    #[cfg(feature = "config")]
    pub fn config(mut self, config: &Config) -> Result<Self, ConfigError> {
        self.settings.set(config)?;
        Ok(self)
    }

    /// Sets how many accounts are cached: 100,000. One more displaces an account with neither a usable token
    /// nor a backoff, or else one that was not used for long, unless it is in use.
    pub fn capacity(mut self, accounts: usize) -> Self {
        self.capacity = accounts.max(1);
        self
    }

    /// Sets after which time without a call an account may be removed from the cache: 24 h. Some are looked at whenever
    /// one is added.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how many token requests may be in flight: 16. Those of accounts whose last fetch failed take a quarter
    /// of them at most.
    pub fn max_token_requests(mut self, requests: usize) -> Self {
        self.settings.max_requests = requests;
        self
    }

    /// Builds the accounts, of which none is cached yet.
    pub fn build(self) -> Accounts<K> {
        let common = Common::new(self.server, self.settings);
        // What is remembered of each account outlives its cache.
        let common = common.for_many(self.capacity.saturating_mul(10));
        Accounts::build(common, self.source, self.capacity, self.idle_timeout)
    }
}

impl<K> fmt::Debug for AccountsBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsBuilder")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
