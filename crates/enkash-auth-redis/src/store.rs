use std::{sync::Arc, time::Duration};

use enkash_auth_core::AccountKey;
use enkash_auth_tower::{BoxError, Error, ErrorKind, Loaded, STORE_TIMEOUT, Store, StoreFuture};

use crate::{link::Link, target::Target};

/// Sent with each write. `EVALSHA` would save 200 bytes, and cost two more round trips whenever the
/// server does not have the script cached.
const COMPARE_AND_SET: &str = include_str!("compare_and_set.lua");

/// Keeps the account records on Redis or Valkey, so that the processes of a fleet share a token and one
/// record of attempts.
///
/// A load takes one round trip, a write another. The store connects on first use, and reconnects after
/// an error. Clones share one connection for each runtime, on which up to 256 calls are in flight; the others
/// wait, which does not count as the slowness of the server.
///
/// # Examples
///
/// ```no_run
/// use enkash_auth_redis::RedisStore;
/// use enkash_auth_tower::{TokenCache, TokenEndpoint};
/// use enkash_auth_tower::{Credentials, Environment};
///
/// let store = RedisStore::new("redis://payouts:password@cache.internal:6379/0")?;
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .store(store)
///     .build();
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisStore {
    link: Arc<Link>,
    prefix: String,
}

impl RedisStore {
    /// Creates a store at `url`: `redis://user:password@host:port/database`, or `rediss://` for TLS. All
    /// but the host may be left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if `url` is not such a URL. The error does not repeat it.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::over(Target::new(url, &[]))
    }

    /// Creates a store that trusts the certificates in `pem` beside the Mozilla roots.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if the address or a certificate cannot be used; the source says which.
    #[cfg(feature = "tls")]
    pub fn with_certificates(url: &str, pem: &[u8]) -> Result<Self, Error> {
        Self::over(Target::new(url, pem))
    }

    /// Sets the prefix of the keys. Default: `enkash-auth`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if the prefix is empty or has braces, which mark the hash tag.
    pub fn key_prefix(mut self, prefix: &str) -> Result<Self, Error> {
        if prefix.is_empty() || prefix.contains(['{', '}']) {
            let detail = "a key prefix for redis must have no braces and not be empty";
            return Err(Error::new(ErrorKind::InvalidSetting, detail));
        }
        prefix.clone_into(&mut self.prefix);
        Ok(self)
    }

    fn over(target: Result<Target, Error>) -> Result<Self, Error> {
        Ok(Self {
            link: Arc::new(Link::new(target?)),
            prefix: "enkash-auth".to_owned(),
        })
    }

    fn key(&self, account: &AccountKey) -> String {
        format!("{}:{{{account:x}}}:record", self.prefix)
    }

    async fn read(&self, key: &str) -> Result<Loaded, BoxError> {
        let mut read = redis::pipe();
        read.cmd("TIME").cmd("GET").arg(key);
        // A silently dead connection is detected early enough to try another.
        let timeouts = [STORE_TIMEOUT / 3, STORE_TIMEOUT / 3 * 2];
        let ((seconds, micros), record): ((u64, u64), _) = self.link.call(&read, &timeouts).await?;
        let micros = seconds.saturating_mul(1_000_000).saturating_add(micros);
        Ok(Loaded::new(record).at(micros.saturating_mul(1_000)))
    }

    async fn write(
        &self,
        key: &str,
        current: Option<&[u8]>,
        record: &[u8],
    ) -> Result<bool, BoxError> {
        let mut write = redis::pipe();
        write
            .cmd("EVAL")
            .arg(COMPARE_AND_SET)
            .arg(1)
            .arg(key)
            .arg(u8::from(current.is_some()))
            .arg(current.unwrap_or_default())
            .arg(record);
        let (is_written,) = self.link.call(&write, &[STORE_TIMEOUT]).await?;
        Ok(is_written)
    }
}

impl Store for RedisStore {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        let key = self.key(account);
        Box::pin(async move { self.read(&key).await })
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        let key = self.key(account);
        Box::pin(async move { self.write(&key, current, record).await })
    }
}
