use std::{fmt, sync::Arc, time::Duration};

use enkash_auth_core::{Clock, Credentials, SystemClock};

use super::{AccountId, Accounts, accounts::SourceOf};
use crate::{
    BoxError, Error, OnStoreDown, RefreshPolicy, Store, TokenServer,
    attempts::{Attempts, Process},
    cache::{Common, Places, Source},
    call_headers::CallHeaders,
    time::Time,
};

/// Builds [`Accounts`].
#[must_use = "a builder builds nothing by itself"]
pub struct AccountsBuilder<K> {
    server: TokenServer,
    source: SourceOf<K>,
    policy: RefreshPolicy,
    clock: Time,
    store: Option<Arc<dyn Store>>,
    process: Process,
    on_store_down: OnStoreDown,
    capacity: usize,
    idle_timeout: Duration,
    requests: usize,
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
            policy: RefreshPolicy::default(),
            clock: Time::System(SystemClock),
            store: None,
            process: Process::this(),
            on_store_down: OnStoreDown::default(),
            capacity: 100_000,
            idle_timeout: Duration::from_secs(24 * 60 * 60),
            requests: Places::DEFAULT,
        }
    }

    /// Sets when to renew, and the bounds of waiting: of each account.
    ///
    /// # Errors
    ///
    /// As for [`TokenCacheBuilder::policy`](crate::TokenCacheBuilder::policy).
    pub fn policy(mut self, policy: RefreshPolicy) -> Result<Self, Error> {
        policy.validate()?;
        self.policy = policy;
        Ok(self)
    }

    /// Sets the store of the account records: see [`TokenCacheBuilder::store`](crate::TokenCacheBuilder::store).
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets what to do while the store cannot be used.
    pub fn on_store_down(mut self, on_store_down: OnStoreDown) -> Self {
        self.on_store_down = on_store_down;
        self
    }

    /// Sets how many accounts are cached: 100,000. One more displaces an account without a usable token, or else
    /// one that was not used for long, unless it is in use.
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
        self.requests = requests;
        self
    }

    /// Sets the clock: see [`TokenCacheBuilder::clock`](crate::TokenCacheBuilder::clock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Time::Other(Arc::new(clock));
        self
    }

    /// Assigns the accounts to `process` instead of the current one: for tests of several in one.
    #[doc(hidden)]
    pub fn process(mut self, process: Process) -> Self {
        self.process = process;
        self
    }

    /// Builds the accounts, of which none is cached yet.
    pub fn build(self) -> Accounts<K> {
        let attempts = Attempts::new(
            self.store,
            self.on_store_down,
            self.process,
            self.clock.clone(),
            &self.policy,
        );
        let common = Common::new(
            self.server,
            attempts,
            self.policy,
            self.clock,
            CallHeaders::default(),
            self.requests,
        );
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
