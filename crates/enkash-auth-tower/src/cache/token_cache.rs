use std::fmt;
#[cfg(all(feature = "client", feature = "config"))]
use std::{env, ffi::OsString};

use enkash_auth_core::{AccessToken, AccountKey, Clock, Credentials};

use super::{
    Shared, TokenCacheBuilder, TokenFuture,
    waiting::{idle, runtime},
};
#[cfg(all(feature = "client", feature = "config"))]
use crate::{Egress, config::Config};
use crate::{Error, endpoint::TokenEndpoint, status::Status, sync::Arc};

/// Caches one token: fetched once however many callers wait, renewed before it expires.
///
/// Cheap to clone; clones share everything. Without callers, it fetches nothing.
///
/// # Examples
///
/// ```no_run
/// use enkash_auth_tower::{Client, Credentials, Environment, TokenCache, TokenEndpoint, User};
///
/// # async fn example() -> Result<(), enkash_auth_tower::Error> {
/// let credentials = Credentials::password(
///     Client::new("client-id", "client-secret"),
///     User::new("user@example.com", "password"),
/// );
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, credentials)?);
/// tokens.warm_up().await?;
/// let token = tokens.token().await?;
/// assert!(token.header().is_sensitive());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenCache(Arc<Shared>);

impl TokenCache {
    /// Creates a cache over `endpoint` with the default policy.
    pub fn new(endpoint: TokenEndpoint) -> Self {
        Self::builder(endpoint).build()
    }

    /// Creates a cache from the environment of the process: the variables of [`Config`] and of
    /// [`Egress::from_env`], with the store that `ENKASH_TOKEN_STORE` names: `memory`, which is the default, or
    /// `file:` and an absolute path.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::ErrorKind::InvalidSetting) for a variable that is missing or cannot be used; the
    /// text names it, and does not show its value.
    ///
    /// # Examples
    ///
    /// ```
    /// use enkash_auth_tower::TokenCache;
    ///
    /// let tokens = TokenCache::from_lookup(|name| match name {
    ///     "ENKASH_ENVIRONMENT" => Some("test".into()),
    ///     "ENKASH_ACCESS_KEY" => Some("access-key".into()),
    ///     "ENKASH_SECRET_KEY" => Some("secret-key".into()),
    ///     _ => None,
    /// })?;
    /// assert!(tokens.peek().is_none());
    ///
    /// let error = TokenCache::from_lookup(|_| None).unwrap_err();
    /// assert_eq!(error.to_string(), "invalid setting: ENKASH_BASE_URL: not set, and neither is ENKASH_ENVIRONMENT");
    /// # Ok::<(), enkash_auth_tower::Error>(())
    /// ```
    #[cfg(all(feature = "client", feature = "config"))]
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| env::var_os(name))
    }

    /// Creates a cache from the variables of [`from_env`](Self::from_env) that `lookup` finds.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    #[cfg(all(feature = "client", feature = "config"))]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let config = Config::from_lookup(&lookup)?;
        let (environment, credentials) = (config.environment()?, config.credentials()?);
        let egress = Egress::from_lookup(&lookup)?;
        let endpoint = TokenEndpoint::with_egress(environment, credentials, &egress)?;
        let builder = Self::builder(endpoint).config(&config)?;
        Ok(match config.store()? {
            Some(store) => builder.store(store).build(),
            None => builder.build(),
        })
    }

    /// Creates a builder of a cache over `endpoint`.
    pub fn builder(endpoint: TokenEndpoint) -> TokenCacheBuilder {
        TokenCacheBuilder::new(endpoint)
    }

    /// Returns the cached token, or waits for the in-flight fetch.
    ///
    /// # Errors
    ///
    /// The error of the fetch, the same for all callers that wait for it or call before its backoff has
    /// passed; [`Saturated`](crate::ErrorKind::Saturated) and
    /// [`WaitTimeout`](crate::ErrorKind::WaitTimeout) at the bounds of the policy;
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime) if a fetch is needed outside a
    /// tokio runtime.
    ///
    /// # Panics
    ///
    /// If a fetch is needed inside a tokio runtime whose timers are disabled.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the fetch continues.
    pub fn token(&self) -> TokenFuture {
        TokenFuture::new(&self.0, None)
    }

    /// Returns the cached token, if it may be attached now. Fetches nothing.
    pub fn peek(&self) -> Option<AccessToken> {
        let current = self.0.snapshot().load();
        let token = current.as_deref()?.view().token();
        token.is_usable(self.0.clock().now()).then(|| token.clone())
    }

    /// Stops using `token`, which the API does not take, and fetches another; callers wait for it. For what a
    /// [`Classifier`](crate::Classifier) cannot see.
    ///
    /// Does nothing if it is not the cached token any more, nor beyond two at once and one more every 30 s: then the
    /// token is used on. An issuer may return the same one again. Outside a runtime, the next caller fetches.
    pub fn reject(&self, token: &AccessToken) {
        self.0.reject(token.generation());
    }

    /// Fetches a token unless one is cached, so that the first request need not wait.
    ///
    /// # Errors, Panics, Cancel safety
    ///
    /// As for [`token`](Self::token).
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }

    /// Uses `credentials` from now on: a rotated password, say. Callers wait for a fetch with them;
    /// one that is in flight with the old ones is abandoned.
    ///
    /// The cached token stays in use if the new credentials differ from the old in passwords and secrets
    /// alone. A quarantine ends: it was that of the old ones. Setting the same credentials changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::ErrorKind::InvalidSetting) for credentials that cannot
    /// be sent, and for merchant keys in place of a password or vice versa. Then nothing has
    /// changed.
    pub fn set_credentials(&self, credentials: Credentials) -> Result<(), Error> {
        self.0.change_credentials(credentials, None).map(drop)
    }

    /// Clears the attempts that count against the account, in the store and so for all that share it, and the
    /// credentials that were rejected by guess: for an operator, once the server will certainly not lock the
    /// account.
    ///
    /// Waits while an attempt is in flight, at most as long as that may be: the fetch timeout and 6 s, or 10
    /// minutes if clocks disagree. One that has no response by then is cleared; a response, and any later
    /// attempt, counts.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable);
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime) outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// If dropped before its end, it may or may not have happened.
    pub async fn reset(&self) -> Result<(), Error> {
        self.clear_attempts(false).await
    }

    /// Does what [`reset`](Self::reset) does, and allows rejected credentials to be sent.
    ///
    /// If they are still wrong, the server counts each attempt with them.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset).
    ///
    /// # Cancel safety
    ///
    /// As [`reset`](Self::reset).
    pub async fn allow_rejected(&self) -> Result<(), Error> {
        self.clear_attempts(true).await
    }

    /// Loads the record from the store, and returns the status with it: the attempts that count now. Sends
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable);
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime) outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn load_status(&self) -> Result<Status, Error> {
        let account = self.stored_account().await?;
        self.0.attempts().poll_record(account).await?;
        Ok(self.status())
    }

    /// Returns the account of the tokens, as in the labels of metrics; `None` if it is one of
    /// [`Accounts`](crate::Accounts) whose credentials have not been read yet. Of many accounts, the first hundred
    /// have a label of their own, and all others the label `other`, without the gauges of a single account.
    pub fn account(&self) -> Option<AccountKey> {
        self.0.account()
    }

    /// Waits until no fetch is in flight. Starts none.
    ///
    /// A program that exits, or a runtime that shuts down, aborts a background refresh. That is safe, but
    /// the attempt may count against the account. A short program waits for it instead. An overdue fetch
    /// is not waited for, as its runtime may never be driven again.
    ///
    /// # Panics
    ///
    /// If a fetch is in flight, inside a tokio runtime whose timers are disabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing. It may be polled on any runtime, and outside one.
    pub async fn idle(&self) {
        idle(&self.0).await;
    }

    /// Returns the current status.
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Sets the gauges of the metrics: remaining seconds, strikes, waiting callers. Call it before each
    /// scrape; all other metrics are recorded as events happen.
    #[cfg(feature = "metrics")]
    pub fn record_gauges(&self) {
        if let Some(account) = self.account() {
            self.0.attempts().meter().gauges(account, &self.status());
        }
    }

    async fn clear_attempts(&self, allow_rejected: bool) -> Result<(), Error> {
        let account = self.stored_account().await?;
        self.0.attempts().reset(account, allow_rejected).await?;
        self.0.clear_backoff();
        Ok(())
    }

    /// Returns the account whose record is in the store.
    async fn stored_account(&self) -> Result<AccountKey, Error> {
        runtime()?;
        Ok(self.0.resolve().await?.account())
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("server", &self.0.common().server())
            .field("account", &self.account())
            .field("status", &self.status())
            .finish()
    }
}
