use std::fmt;

use enkash_auth_core::{
    AccessToken, AccountKey, Clock, Credentials, Error, Origin, RefreshPolicy, SystemClock,
};

use super::{Shared, Status, TokenFuture, reload::Reload, waiting::idle};
use crate::{
    BoxError,
    attempts::{Attempts, Process},
    endpoint::TokenEndpoint,
    store::{OnStoreDown, Store},
    sync::Arc,
    time::Time,
};

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

    /// Creates a builder of a cache over `endpoint`.
    pub fn builder(endpoint: TokenEndpoint) -> TokenCacheBuilder {
        TokenCacheBuilder {
            endpoint,
            policy: RefreshPolicy::default(),
            clock: Time::System(SystemClock),
            store: None,
            process: Process::this(),
            on_store_down: OnStoreDown::default(),
            reload: None,
        }
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
        TokenFuture::new(&self.0)
    }

    /// Returns the cached token, if it may be attached now. Fetches nothing.
    pub fn peek(&self) -> Option<AccessToken> {
        let current = self.0.snapshot.load();
        let token = current.as_deref()?.view().token();
        token.is_usable(self.0.clock().now()).then(|| token.clone())
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
    /// minutes if clocks disagree.
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
        self.0.reset(false).await
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
        self.0.reset(true).await
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
        self.0.poll_record().await?;
        Ok(self.status())
    }

    /// Returns the account of the tokens.
    pub fn account(&self) -> AccountKey {
        self.0.endpoint().account()
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
        crate::meter::gauges(self.0.endpoint().account(), &self.status());
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(crate) fn origin(&self) -> Origin {
        self.0.endpoint().origin().clone()
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("endpoint", &self.0.endpoint())
            .field("status", &self.status())
            .finish()
    }
}

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
    reload: Option<Reload>,
}

impl TokenCacheBuilder {
    /// Sets when to renew, and the bounds of waiting.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::ErrorKind::InvalidSetting) for a policy under which no
    /// token can be fetched or waited for: see [`RefreshPolicy::validate`].
    pub fn policy(self, policy: RefreshPolicy) -> Result<Self, Error> {
        policy.validate()?;
        Ok(self.checked_policy(policy))
    }

    pub(crate) fn checked_policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
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
    /// `source` may block: it has a thread of the runtime's pool. It is waited for up to 500 ms, and what it
    /// returns within 10 s is used by the next reading. Its error is logged, and must show no secret; a
    /// panic counts as an error and is not logged.
    pub fn reload_credentials(
        mut self,
        source: impl Fn() -> Result<Credentials, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.reload = Some(Reload::new(source));
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
        TokenCache(Shared::new(
            self.endpoint,
            self.policy,
            self.clock,
            attempts,
            self.reload,
        ))
    }
}
