use enkash_auth_core::{Clock, Credentials, SystemClock};

#[cfg(feature = "config")]
use tokio::task::spawn_blocking;

use super::{Shared, TokenCache, common::Common, places::Places, source::Source};
#[cfg(feature = "config")]
use crate::config::{Config, ConfigError};
use crate::{
    BoxError, Error, RefreshPolicy,
    attempts::{Attempts, Process},
    call_headers::CallHeaders,
    endpoint::TokenEndpoint,
    store::{OnStoreDown, Store},
    sync::Arc,
    time::Time,
};

/// Builds a [`TokenCache`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_tower::{Credentials, Environment, RefreshPolicy, TokenCache, TokenEndpoint};
///
/// let mut policy = RefreshPolicy::default();
/// policy.wait_timeout = Duration::from_secs(3);
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .policy(policy)?
///     .build();
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder builds nothing by itself"]
pub struct TokenCacheBuilder {
    endpoint: TokenEndpoint,
    policy: RefreshPolicy,
    clock: Time,
    store: Option<Arc<dyn Store>>,
    process: Process,
    on_store_down: OnStoreDown,
    source: Option<Source>,
    call_headers: CallHeaders,
}

impl TokenCacheBuilder {
    pub(super) fn new(endpoint: TokenEndpoint) -> Self {
        Self {
            endpoint,
            policy: RefreshPolicy::default(),
            clock: Time::System(SystemClock),
            store: None,
            process: Process::this(),
            on_store_down: OnStoreDown::default(),
            source: None,
            call_headers: CallHeaders::default(),
        }
    }

    /// Sets when to renew, and the bounds of waiting.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::ErrorKind::InvalidSetting) for a policy under which no
    /// token can be fetched or waited for: see [`RefreshPolicy::validate`].
    pub fn policy(mut self, policy: RefreshPolicy) -> Result<Self, Error> {
        policy.validate()?;
        self.policy = policy;
        Ok(self)
    }

    /// Sets the policy of `config`, the headers of calls, what it does while the store is down, and to read the credentials anew once
    /// they are rejected, if they are in files. Sets no store.
    ///
    /// # Errors
    ///
    /// As for [`Config::policy`]; the text names the key.
    #[cfg(feature = "config")]
    pub fn config(mut self, config: &Config) -> Result<Self, ConfigError> {
        self.policy = config.policy()?;
        self.on_store_down = config.on_store_down();
        self.call_headers = config.call_headers()?;
        if !config.has_secret_files() {
            return Ok(self);
        }
        let config = config.clone();
        Ok(self.reload_credentials(move || {
            let config = config.clone();
            let read = move || config.credentials().map_err(BoxError::from);
            async { spawn_blocking(read).await? }
        }))
    }

    /// Sets the store of the account record: the attempts, and the shared token. The default is one record
    /// of attempts for the whole process, and shares no token.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Assigns the cache to `process` instead of the current one: for tests of several in one.
    #[doc(hidden)]
    pub fn process(mut self, process: Process) -> Self {
        self.process = process;
        self
    }

    /// Sets what to do while the store cannot be used.
    pub fn on_store_down(mut self, on_store_down: OnStoreDown) -> Self {
        self.on_store_down = on_store_down;
        self
    }

    /// Sets where to read new credentials from once those in use are rejected, and every 5 s while a token
    /// is needed then: a file that a platform rotates, say. They are used as by
    /// [`set_credentials`](TokenCache::set_credentials), for waiting callers too.
    ///
    /// `source` is waited for up to 500 ms, and what it returns within 10 s is used by the next reading: one that
    /// blocks belongs in [`spawn_blocking`](tokio::task::spawn_blocking). Its error is logged, and must show no
    /// secret; a panic counts as an error and is not logged.
    pub fn reload_credentials<F>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        self.source = Some(Source::new(source));
        self
    }

    /// Sets the clock. All caches of one account in a process must count from the same point, as with the
    /// default: they share a record of attempts.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Time::Other(Arc::new(clock));
        self
    }

    /// Builds the cache, which fetches nothing yet.
    pub fn build(self) -> TokenCache {
        let attempts = Attempts::new(
            self.store,
            self.on_store_down,
            self.process,
            self.clock.clone(),
            &self.policy,
        );
        let common = Common::new(
            self.endpoint.server().clone(),
            attempts,
            self.policy,
            self.clock,
            self.call_headers,
            Places::DEFAULT,
        );
        let shared = Shared::new(Arc::new(common), Some(self.endpoint), self.source);
        TokenCache::from_shared(shared)
    }
}
