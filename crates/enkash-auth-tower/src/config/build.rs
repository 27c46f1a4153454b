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
