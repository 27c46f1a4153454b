use std::{sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, Clock, SystemClock};
use enkash_auth_tower::{
    BoxError, Error, ErrorKind, Loaded, STORE_TIMEOUT, Store, StoreFuture,
    internal::{LONGEST_STORE_TIMEOUT, checked_timeout},
};
use redis::Cmd;

#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::{
    Inspection,
    link::{Call, Link},
    node::slot,
    target::Target,
};

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
    /// Creates a store at `url`. It connects when it is first used.
    ///
    /// | URL | server |
    /// |---|---|
    /// | `redis://user:password@host:port/database` | one; all but the host may be left out |
    /// | `redis-sentinel://user:password@host:port,host:port/database?master=NAME` | the primary that these sentinels name |
    /// | `redis-cluster://user:password@host:port,host:port` | a cluster, of which one of these nodes is up |
    /// | `redis+unix:///path?db=0&user=name&pass=password` | one on this host |
    ///
    /// `rediss` in place of `redis` uses TLS, also to sentinels.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if `url` is not such a URL. The error does not repeat it.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            link: Arc::new(Link::new(Target::new(url)?, STORE_TIMEOUT)),
            prefix: "enkash-auth".to_owned(),
        })
    }

    /// Trusts the certificates in `pem` beside the Mozilla roots.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if a certificate cannot be used; the text says which.
    #[cfg(feature = "tls")]
    pub fn certificates(self, pem: &[u8]) -> Result<Self, Error> {
        let tls = Tls::trusting(pem)?;
        Ok(self.change(|target| *target.tls() = Some(tls)))
    }

    /// Shows the server a certificate: `chain` in PEM, and its `key`. Call it after
    /// [`certificates`](Self::certificates).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if they cannot be used, or do not match.
    #[cfg(feature = "tls")]
    pub fn client_certificate(self, chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let tls = match self.link.target().clone().tls().take() {
            Some(tls) => tls,
            None => Tls::trusting(&[])?,
        };
        let tls = tls.showing(chain, key)?;
        Ok(self.change(|target| *target.tls() = Some(tls)))
    }

    /// Reads the user, if there is one, and the password with `read`, in place of those of the URL: for each
    /// connection, so that changed credentials are found once the server has rejected the old ones. `read` may
    /// block.
    #[must_use]
    pub fn login<F>(self, read: F) -> Self
    where
        F: Fn() -> Result<(Option<String>, String), BoxError> + Send + Sync + 'static,
    {
        self.change(|target| target.set_login(Arc::new(read)))
    }

    /// Sets how long a call may take: 500 ms by default, 5 s at most. It should be ten round trips or more: a load is
    /// sent again over another connection after a third of it, and what is opened first takes four.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if it is zero, or over 5 s.
    pub fn call_timeout(self, limit: Duration) -> Result<Self, Error> {
        Ok(self.with_timeout(checked_timeout(limit)?))
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

    /// Asks the server about itself, and writes a record of no account, to see whether it can: one key more, with
    /// the store's prefix.
    ///
    /// # Errors
    ///
    /// If it cannot be connected to or read.
    pub async fn inspect(&self) -> Result<Inspection, BoxError> {
        // The timeout may be what is wrong.
        let patient = self.with_timeout(LONGEST_STORE_TIMEOUT);
        let load = || patient.read(patient.call("check", get));
        let ask = async |command: &[&str]| {
            let mut ask = Cmd::new();
            ask.arg(command);
            let ask = patient.call("check", |_| vec![ask]);
            let response = patient.link.call(&ask, &[LONGEST_STORE_TIMEOUT]).await;
            response.ok().map(|(text,): (String,)| text)
        };
        // In a cluster, this finds the node that the others ask.
        let current = load().await?;
        let now = SystemClock.unix_nanos().to_le_bytes();
        let write = patient.call("check", |key| set(&key, current.record(), &now));
        let written = patient.write(write).await;
        let (info, user) = (ask(&["INFO"]).await, ask(&["ACL", "WHOAMI"]).await);
        // What was asked may have closed the connection.
        load().await?;
        let before = SystemClock.now();
        let clock = load().await?.clock();
        let after = SystemClock.now();
        let round_trip = before.elapsed(after);
        let middle = i128::from(before.unix_nanos()) + i128::from(after.unix_nanos());
        let ahead = i128::from(clock.unwrap_or_default()) - middle / 2;
        Ok(Inspection {
            info,
            user,
            round_trip,
            timeout: self.link.timeout(),
            ahead: ahead / 1_000_000,
            unwritable: written.err().map(|why| why.to_string()),
        })
    }

    fn with_timeout(&self, limit: Duration) -> Self {
        let link = Arc::new(Link::new(self.link.target().clone(), limit));
        let prefix = self.prefix.clone();
        Self { link, prefix }
    }

    fn change(self, change: impl FnOnce(&mut Target)) -> Self {
        let mut target = self.link.target().clone();
        change(&mut target);
        let link = Arc::new(Link::new(target, self.link.timeout()));
        Self { link, ..self }
    }

    /// Returns a call for the key of `tag`, which selects its slot.
    fn call(&self, tag: &str, command: impl FnOnce(String) -> Vec<Cmd>) -> Call {
        Call {
            slot: slot(tag.as_bytes()),
            commands: command(format!("{}:{{{tag}}}:record", self.prefix)),
        }
    }

    async fn read(&self, read: Call) -> Result<Loaded, BoxError> {
        let limit = self.link.timeout();
        // A silently dead connection is detected early enough to try another.
        let timeouts = [limit / 3, limit / 3 * 2];
        let (record, (seconds, micros)): (_, (u64, u64)) = self.link.call(&read, &timeouts).await?;
        let micros = seconds.saturating_mul(1_000_000).saturating_add(micros);
        Ok(Loaded::new(record).at(micros.saturating_mul(1_000)))
    }

    async fn write(&self, write: Call) -> Result<bool, BoxError> {
        let (is_written,) = self.link.call(&write, &[self.link.timeout()]).await?;
        Ok(is_written)
    }
}

impl Store for RedisStore {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(self.read(self.call(&format!("{account:x}"), get)))
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        let tag = format!("{account:x}");
        let write = self.call(&tag, |key| set(&key, current, record));
        Box::pin(self.write(write))
    }
}

fn get(key: String) -> Vec<Cmd> {
    let mut get = redis::cmd("GET");
    get.arg(key);
    vec![get, redis::cmd("TIME")]
}

fn set(key: &str, current: Option<&[u8]>, record: &[u8]) -> Vec<Cmd> {
    let mut eval = redis::cmd("EVAL");
    eval.arg(COMPARE_AND_SET)
        .arg(1)
        .arg(key)
        .arg(u8::from(current.is_some()))
        .arg(current.unwrap_or_default())
        .arg(record);
    vec![eval]
}
