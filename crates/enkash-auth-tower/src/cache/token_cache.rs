use std::fmt;

use enkash_auth_core::{
    AccessToken, Clock, Credentials, Error, Origin, RefreshPolicy, SystemClock,
};

use super::{Shared, Status, TokenFuture, reload::Reload};
use crate::{
    BoxError,
    endpoint::TokenEndpoint,
    flight::Gate,
    store::{MemoryStore, OnStoreDown, TokenStore},
    sync::Arc,
    time::Time,
};

/// One token for everybody: fetched once however many callers wait, renewed before it expires.
///
/// Cheap to clone; clones share everything. Idle, it asks for nothing.
///
/// # Examples
///
/// ```no_run
/// use enkash_auth_core::{Client, Credentials, Environment, User};
/// use enkash_auth_tower::{TokenCache, TokenEndpoint};
///
/// # async fn example() -> Result<(), enkash_auth_core::Error> {
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
    /// A cache over `endpoint` with the default policy.
    pub fn new(endpoint: TokenEndpoint) -> Self {
        Self::builder(endpoint).build()
    }

    /// A cache over `endpoint` with a policy or a clock of one's own.
    pub fn builder(endpoint: TokenEndpoint) -> TokenCacheBuilder {
        TokenCacheBuilder {
            endpoint,
            policy: RefreshPolicy::default(),
            clock: Time::System(SystemClock),
            store: None,
            on_store_down: OnStoreDown::default(),
            reload: None,
        }
    }

    /// A token that may be attached now: the one at hand, or the one that is being fetched.
    ///
    /// # Errors
    ///
    /// The error of the fetch, the same for all who wait for it and for all who ask before the
    /// pause after it is over; [`Saturated`](enkash_auth_core::ErrorKind::Saturated) and
    /// [`WaitTimeout`](enkash_auth_core::ErrorKind::WaitTimeout) at the bounds of the policy;
    /// [`NoRuntime`](enkash_auth_core::ErrorKind::NoRuntime) where something must be fetched
    /// outside a tokio runtime.
    ///
    /// # Panics
    ///
    /// Where something must be fetched inside a tokio runtime whose timers are disabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the fetch to the others, and to the next to come.
    pub fn token(&self) -> TokenFuture {
        TokenFuture::new(&self.0)
    }

    /// The token at hand, where it may be attached now. Fetches nothing.
    pub fn peek(&self) -> Option<AccessToken> {
        let current = self.0.snapshot.load();
        let token = current.as_deref()?.view().token();
        token.is_usable(self.0.clock().now()).then(|| token.clone())
    }

    /// Fetches a token unless there is one, so that the first request need not wait.
    ///
    /// # Errors, Panics, Cancel safety
    ///
    /// As for [`token`](Self::token).
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }

    /// Uses `credentials` from now on: a rotated password, say. Whoever waits waits for a fetch with
    /// them; one that is on with the old ones is abandoned.
    ///
    /// The token at hand stays in use where the new credentials differ from the old in passwords and
    /// secrets alone. A quarantine ends: it was that of the old ones. The same credentials again
    /// change nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](enkash_auth_core::ErrorKind::InvalidSetting) for credentials that cannot
    /// be sent, and for merchant keys in place of a password or the other way round. Then nothing
    /// has changed.
    pub fn set_credentials(&self, credentials: Credentials) -> Result<(), Error> {
        self.0.change_credentials(credentials, None).map(drop)
    }

    /// Forgets the strikes of the account, for everybody who shares the store: for an operator who
    /// has looked at the account and knows that the server will not lock it.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](enkash_auth_core::ErrorKind::StoreUnavailable);
    /// [`NoRuntime`](enkash_auth_core::ErrorKind::NoRuntime) outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it may have happened or not.
    pub async fn reset(&self) -> Result<(), Error> {
        self.0.reset().await
    }

    /// How the cache stands.
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Sets the gauges of the metrics to how the cache stands: seconds left, strikes, callers that
    /// wait. To be called before each scrape; all other metrics are recorded as things happen.
    ///
    /// # Examples
    ///
    /// ```
    /// use enkash_auth_tower::{TokenCache, core::Error};
    ///
    /// /// The body of `/metrics`.
    /// fn metrics(tokens: &TokenCache, render: impl FnOnce() -> String) -> String {
    ///     tokens.record_gauges();
    ///     render()
    /// }
    /// # drop(metrics as fn(&TokenCache, fn() -> String) -> String);
    /// ```
    #[cfg(feature = "metrics")]
    pub fn record_gauges(&self) {
        crate::meter::standing(self.0.endpoint().account(), &self.status());
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
/// use enkash_auth_core::{Credentials, Environment, RefreshPolicy};
/// use enkash_auth_tower::{TokenCache, TokenEndpoint};
///
/// let mut policy = RefreshPolicy::default();
/// policy.wait_timeout = Duration::from_secs(3);
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .policy(policy)
///     .build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder builds nothing by itself"]
pub struct TokenCacheBuilder {
    endpoint: TokenEndpoint,
    policy: RefreshPolicy,
    clock: Time,
    store: Option<Arc<dyn TokenStore>>,
    on_store_down: OnStoreDown,
    reload: Option<Reload>,
}

impl TokenCacheBuilder {
    /// When to renew, and the bounds of waiting.
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Where the token is shared and attempts are recorded. The default shares no token, and keeps
    /// one record of attempts for the whole process.
    pub fn store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// What to do while the store cannot be used.
    pub fn on_store_down(mut self, on_store_down: OnStoreDown) -> Self {
        self.on_store_down = on_store_down;
        self
    }

    /// Where to look for other credentials when the server has refused those at hand, and every 5 s
    /// that somebody needs a token then: a file that a platform rotates, say. Others are used as by
    /// [`set_credentials`](TokenCache::set_credentials), for the callers that wait too.
    ///
    /// It may block: it has a thread of the runtime's pool. After 500 ms nobody waits any longer, and
    /// what it comes to within 10 s is used at the next look. Its error is logged, and must show no
    /// secret; a panic counts as an error and is not.
    pub fn reload_credentials(
        mut self,
        source: impl Fn() -> Result<Credentials, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.reload = Some(Reload::new(source));
        self
    }

    /// Where the time comes from. All caches of one account in a process must count from the same
    /// point, as they do with the default: they share a record of attempts.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Time::Other(Arc::new(clock));
        self
    }

    /// The cache. It asks for nothing yet.
    pub fn build(self) -> TokenCache {
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(MemoryStore::of_process()));
        let gate = Gate::new(store, self.on_store_down, self.endpoint.principal());
        TokenCache(Shared::new(
            self.endpoint,
            self.policy,
            self.clock,
            gate,
            self.reload,
        ))
    }
}
