use enkash_auth_core::Credentials;

#[cfg(feature = "config")]
use tokio::task::spawn_blocking;

use super::{
    Shared, TokenCache,
    common::Common,
    settings::{Settings, setters},
    source::Source,
};
#[cfg(feature = "config")]
use crate::config::{Config, ConfigError};
use crate::{BoxError, endpoint::TokenEndpoint, sync::Arc};

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
    source: Option<Source>,
    settings: Settings,
}

impl TokenCacheBuilder {
    pub(super) fn new(endpoint: TokenEndpoint) -> Self {
        Self {
            endpoint,
            source: None,
            settings: Settings::default(),
        }
    }

    setters!();

    /// Sets the policy of `config`, the headers of calls, what it does while the store is down, and to read the credentials anew once
    /// they are rejected, if they are in files. Sets no store.
    ///
    /// # Errors
    ///
    /// As for [`Config::policy`]; the text names the key.
    #[cfg(feature = "config")]
    pub fn config(mut self, config: &Config) -> Result<Self, ConfigError> {
        self.settings.set(config)?;
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

    /// Sets where to read new credentials from once those in use are rejected, and every 5 s while a token
    /// is needed then: a file that a platform rotates, say. They are used as by
    /// [`set_credentials`](TokenCache::set_credentials), for waiting callers too.
    ///
    /// `source` is waited for up to 500 ms, and what it returns within 10 s is used by the next reading, which replaces it if
    /// it takes longer: one that blocks belongs in [`spawn_blocking`](tokio::task::spawn_blocking). Its error is logged, and must show no
    /// secret; a panic counts as an error and is not logged.
    pub fn reload_credentials<F>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        self.source = Some(Source::new(source));
        self
    }

    /// Builds the cache, which fetches nothing yet.
    pub fn build(self) -> TokenCache {
        let common = Common::new(self.endpoint.server().clone(), self.settings);
        let shared = Shared::new(Arc::new(common), Some(self.endpoint), self.source);
        TokenCache::from_shared(shared)
    }
}
