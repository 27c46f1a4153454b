use std::{collections::HashMap, future::ready};

use enkash_auth_core::AccountKey;

use super::{Loaded, Store, StoreFuture};
use crate::sync::Mutex;

/// Keeps the records in memory: for one process, until it ends.
///
/// A cache without a store needs none for that: the caches of a process share what it witnessed, make no
/// concurrent attempts for one account, and share the budget.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use enkash_auth_tower::{Credentials, Environment, MemoryStore, TokenCache, TokenEndpoint};
///
/// let endpoint = TokenEndpoint::new(Environment::Test, Credentials::merchant("key", "secret"))?;
/// let store = Arc::new(MemoryStore::new());
/// // Two caches that share a token.
/// let [one, two] = [&store, &store].map(|store| {
///     TokenCache::builder(endpoint.clone()).store(Arc::clone(store)).build()
/// });
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<AccountKey, Vec<u8>>>);

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        let record = self.0.lock().get(account).cloned();
        Box::pin(ready(Ok(Loaded::new(record))))
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        let mut records = self.0.lock();
        let is_current = records.get(account).map(Vec::as_slice) == current;
        if is_current {
            records.insert(*account, record.to_vec());
        }
        Box::pin(ready(Ok(is_current)))
    }
}
