use std::{cmp::Reverse, fmt, hash::Hash, sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, Clock, Credentials};

use super::{AccountsBuilder, shards::Shards};
use crate::{
    BoxError, Error, ErrorKind, Status, TokenCache, TokenServer,
    cache::{Common, Shared, Source},
};

/// Identifies an account to the user: a merchant's number, say. Implemented for all that can.
pub trait AccountId: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> AccountId for K {}

/// Caches the tokens of many accounts, whose credentials come from an async source such as a database.
///
/// Each account is a [`TokenCache`], with its own attempts, backoff and waiters: one that fails, or is asked for
/// by thousands of callers at once, costs the others nothing. All share the HTTP service and the store, and the
/// limit of token requests in flight. An account that is used is refreshed before its token expires, by one task
/// for all; one that is not, is not.
///
/// Cheap to clone; clones share the accounts.
///
/// # Examples
///
/// ```no_run
/// use enkash_auth_tower::{Accounts, BoxError, Credentials, Environment, TokenServer};
///
/// async fn credentials(merchant: u64) -> Result<Credentials, BoxError> {
///     # let _ = merchant;
///     Ok(Credentials::merchant("from", "a database"))
/// }
///
/// # async fn example() -> Result<(), enkash_auth_tower::Error> {
/// let server = TokenServer::new(Environment::Test)?.for_merchants()?;
/// let accounts = Accounts::builder(server, credentials).build();
/// let token = accounts.get(&17)?.token().await?;
/// # drop(token);
/// # Ok(())
/// # }
/// ```
pub struct Accounts<K>(Arc<Inner<K>>);

/// Makes the source of one account.
pub type SourceOf<K> = Arc<dyn Fn(&K) -> Source + Send + Sync>;

struct Inner<K> {
    common: Arc<Common>,
    source: SourceOf<K>,
    shards: Shards<K, Shared>,
    capacity: usize,
    idle_timeout: Duration,
}

impl<K: AccountId> Accounts<K> {
    /// Creates a builder of accounts of `server`. `source` reads the credentials of an account: when it is first
    /// used, and again once they are rejected. It may be called for several accounts at once.
    ///
    /// At first it is waited for as long as for a fetch ([`fetch_timeout`](crate::RefreshPolicy::fetch_timeout));
    /// after a rejection for 500 ms, while what it returns within 10 s is used by the next reading. A later one replaces it
    /// if it takes longer. Its error is
    /// logged and passed on, and must show no secret: an [`Error`] as it is, such as one of kind
    /// [`NoAccount`](ErrorKind::NoAccount) for an id that is unknown; any other as the source of a
    /// [`NoCredentials`](ErrorKind::NoCredentials). A panic counts as an error.
    pub fn builder<F>(
        server: TokenServer,
        source: impl Fn(K) -> F + Send + Sync + 'static,
    ) -> AccountsBuilder<K>
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        AccountsBuilder::new(server, source)
    }

    pub(super) fn build(
        common: Common,
        source: SourceOf<K>,
        capacity: usize,
        idle_timeout: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            common: Arc::new(common),
            source,
            shards: Shards::new(capacity),
            capacity,
            idle_timeout,
        }))
    }

    /// Returns the cache of the account `id`, which fetches nothing yet. While it is held, the account is in use
    /// and stays cached.
    ///
    /// # Errors
    ///
    /// [`Saturated`](ErrorKind::Saturated) if the capacity is reached and all accounts are in use.
    pub fn get(&self, id: &K) -> Result<TokenCache, Error> {
        self.shared(id).map(TokenCache::from_shared)
    }

    /// Reads the credentials of the account `id` anew, and uses them from now on if they are others: for a program
    /// that is told about a change. Without a call, they are read once the old ones are rejected.
    ///
    /// # Errors
    ///
    /// [`NoCredentials`](ErrorKind::NoCredentials) if the source fails, or takes longer than a fetch; the old ones
    /// stay in use. [`InvalidSetting`](ErrorKind::InvalidSetting) if the new ones cannot be sent.
    /// [`NoRuntime`](ErrorKind::NoRuntime) outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the old credentials stay in use.
    pub async fn credentials_changed(&self, id: &K) -> Result<(), Error> {
        if let Some(shared) = self.0.shards.read(id, Arc::clone)
            && let Some(source) = shared.source()
        {
            source.load(&shared, true).await?;
        }
        Ok(())
    }

    /// Removes the account `id` from the cache, with its token. Handles that were taken go on to work. What this
    /// process knows of its attempts is kept: the next cache of the same account begins with it.
    pub fn forget(&self, id: &K) {
        let remove = |shared: &Arc<Shared>| {
            shared.usage().set_removed();
            true
        };
        drop(self.0.shards.remove(id, remove));
    }

    /// Clears the attempts without a known outcome of all cached accounts that have some, and no rejected one: after
    /// an outage of the token server, say.
    ///
    /// # Errors
    ///
    /// Of the first account whose record cannot be written; the others are reset.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, some accounts are reset.
    pub async fn reset_unresolved(&self) -> Result<(), Error> {
        let mut closed = Vec::new();
        self.each(|_, shared| {
            let status = shared.status();
            if status.unresolved_attempts() > 0 && status.strikes() == 0 {
                closed.push(TokenCache::from_shared(Arc::clone(shared)));
            }
            true
        });
        let mut result = Ok(());
        for tokens in closed {
            result = result.and(tokens.reset().await);
        }
        result
    }

    /// Returns the accounts whose last fetch failed, `limit` at most: their ids, their accounts as in logs (`None` if
    /// there are no credentials) and their status.
    pub fn troubled(&self, limit: usize) -> Vec<(K, Option<AccountKey>, Status)> {
        let mut troubled = Vec::new();
        self.each(|id, shared| {
            if troubled.len() < limit && shared.is_failing() {
                troubled.push((id.clone(), shared.account(), shared.status()));
            }
            troubled.len() < limit
        });
        troubled
    }

    /// Returns whether the account `id` is cached.
    pub fn contains(&self, id: &K) -> bool {
        self.peek(id, |_| ()).is_some()
    }

    /// Returns how many accounts are cached.
    pub fn len(&self) -> usize {
        self.0.shards.len()
    }

    /// Returns whether no account is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn common(&self) -> &Arc<Common> {
        &self.0.common
    }

    /// Returns what `read` makes of a cached account.
    #[inline]
    pub(crate) fn peek<T>(&self, id: &K, read: impl FnOnce(&Shared) -> T) -> Option<T> {
        self.0.shards.read(id, |shared| read(shared))
    }

    pub(crate) fn shared(&self, id: &K) -> Result<Arc<Shared>, Error> {
        let Inner {
            common,
            source,
            shards,
            capacity,
            ..
        } = &*self.0;
        let make = |id: &K| Shared::new(Arc::clone(common), None, Some(source(id)));
        loop {
            if let Some(shared) = shards.read(id, Arc::clone) {
                return Ok(shared);
            }
            let may_insert = self.evict();
            // Another caller may have come first.
            if let Some(shared) = shards.get_or_insert(id, *capacity, make) {
                return Ok(shared);
            }
            if !may_insert {
                let detail = "all accounts that may be cached are in use";
                return Err(Error::new(ErrorKind::Saturated, detail));
            }
        }
    }

    /// Removes accounts that have been idle for long; and one more, if the capacity is reached. Returns `false` if all
    /// are in use.
    fn evict(&self) -> bool {
        let now = self.0.common.clock().now();
        let is_full = self.0.shards.len() >= self.0.capacity;
        let (mut idle, mut victim) = (Vec::new(), None);
        self.0.shards.scan(|shard| {
            for entry in shard.iter().filter(|entry| is_unused(entry.value())) {
                let (id, shared) = (entry.key(), entry.value());
                let (age, is_missed) = shared.unused_for(now);
                if age >= self.0.idle_timeout {
                    idle.push(id.clone());
                }
                // Those with neither a usable token nor a backoff first.
                let rank = (is_missed, Reverse(age));
                if victim.as_ref().is_none_or(|(worst, _)| rank < *worst) {
                    victim = Some((rank, id.clone()));
                }
            }
            // Another shard, if it is full and nothing can be removed from this one.
            is_full && victim.is_none()
        });
        let victim = victim.filter(|_| is_full).map(|(_, id)| id);
        let may_insert = !is_full || victim.is_some();
        let remove = |shared: &Arc<Shared>| {
            let is_unused = is_unused(shared);
            if is_unused {
                shared.usage().set_removed();
            }
            is_unused
        };
        for id in idle.into_iter().chain(victim) {
            drop(self.0.shards.remove(&id, remove));
        }
        may_insert
    }

    fn each(&self, mut each: impl FnMut(&K, &Arc<Shared>) -> bool) {
        self.0
            .shards
            .scan(|shard| shard.iter().all(|entry| each(entry.key(), entry.value())));
    }
}

/// Returns whether nothing but the map holds the account: no handle, no fetch and no waiter.
fn is_unused(shared: &Arc<Shared>) -> bool {
    Arc::strong_count(shared) == 1
}

impl<K> Clone for Accounts<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Accounts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("server", &self.0.common.server())
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}
