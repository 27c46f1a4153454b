use super::{Config, ConfigError};
use crate::{
    cache::{TokenCache, TokenCacheBuilder},
    endpoint::TokenEndpoint,
};

impl Config {
    /// A cache over `endpoint` as this says: its policy, what it does while the store is down, and
    /// where it looks for other credentials once these are refused. The store is the caller's to
    /// give.
    ///
    /// # Examples
    ///
    /// ```
    /// use enkash_auth_tower::{Config, TokenEndpoint};
    ///
    /// let config: Config = serde_json::from_str(
    ///     r#"{"environment": "test", "access_key": "key", "secret_key": "secret"}"#,
    /// )?;
    /// let endpoint = TokenEndpoint::new(config.environment()?, config.credentials()?)?;
    /// let tokens = config.token_cache(endpoint)?.build();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`policy`](Self::policy).
    pub fn token_cache(&self, endpoint: TokenEndpoint) -> Result<TokenCacheBuilder, ConfigError> {
        let builder = TokenCache::builder(endpoint)
            .checked_policy(self.policy()?)
            .on_store_down(self.on_store_down());
        if !self.has_secret_files() {
            return Ok(builder);
        }
        let config = self.clone();
        Ok(builder.reload_credentials(move || config.credentials().map_err(Into::into)))
    }
}
