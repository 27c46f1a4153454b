use std::{fmt, pin::pin, sync::Arc};

use enkash_auth_core::{
    AccountId, Error, ErrorKind, Grant, Moment,
    strikes::{Bid, Settlement},
};
use enkash_auth_tower::{
    Begin, BoxError, Edition, Leave, Principal, Standing, StoreFuture, TokenStore,
};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    account::Account,
    keys::Keys,
    link::{LIMIT, Link, late},
    target::Target,
};

/// A store on Redis or Valkey, for the processes of a fleet: they share a token and one record of
/// attempts.
///
/// It connects when it is first used, and again after any error. Clones share the connection.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use enkash_auth_redis::{RedisStore, tower::{TokenCache, TokenEndpoint}};
/// use enkash_auth_redis::tower::core::{Credentials, Environment};
///
/// let store = RedisStore::new("redis://payouts:password@cache.internal:6379/0")?;
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .store(Arc::new(store))
///     .build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
    keys: Keys,
}

impl RedisStore {
    /// The store at `url`: `redis://user:password@host:port/database`, or `rediss://` for TLS. All but
    /// the host may be left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] where it is no such address. The error does not repeat it.
    pub fn new(url: &str) -> Result<Self, Error> {
        let target = Target::parse(url)?;
        #[cfg(feature = "tls")]
        let link = Link::new(target, crate::tls::Tls::new(&[])?);
        #[cfg(not(feature = "tls"))]
        let link = Link::new(target);
        Ok(Self {
            link: Arc::new(link),
            keys: Keys::default(),
        })
    }

    /// The same, which trusts the certificates in `pem`, too, beside the Mozilla roots.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] where the address or a certificate cannot be used.
    #[cfg(feature = "tls")]
    pub fn with_certificates(url: &str, pem: &[u8]) -> Result<Self, Error> {
        let link = Link::new(Target::parse(url)?, crate::tls::Tls::new(pem)?);
        Ok(Self {
            link: Arc::new(link),
            keys: Keys::default(),
        })
    }

    /// What its keys begin with, in place of `enkash-auth`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] where that is empty or has braces: those are of the hash tag.
    pub fn key_prefix(mut self, prefix: &str) -> Result<Self, Error> {
        let detail = "a key prefix for redis must have no braces and not be empty";
        self.keys =
            Keys::new(prefix).ok_or_else(|| Error::new(ErrorKind::InvalidSetting, detail))?;
        Ok(self)
    }

    /// What `call` comes to, if that is in time; the connection is used again only then, and if it is
    /// no error.
    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, BoxError>>,
    ) -> Option<Result<T, BoxError>> {
        let outcome = timeout(LIMIT, call).await.ok();
        if !matches!(outcome, Some(Ok(_))) {
            self.link.close();
        }
        outcome
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, BoxError> {
        self.in_time(call).await.unwrap_or_else(|| Err(late()))
    }

    async fn account(&self, id: AccountId) -> Result<Account<'_>, BoxError> {
        Account::open(&self.link, &self.keys, id).await
    }

    /// Leave that tells how the attempt ended when it is dropped: others need not wait for the lease to
    /// end, and what was refused is not sent again.
    fn watched(&self, principal: &Principal, leave: Leave, now: Moment) -> Leave {
        let (store, principal) = (self.clone(), principal.clone());
        let own = Leave::new(leave.attempt(), leave.edition());
        leave.or_else(move |ended| {
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(async move {
                    // If that fails, the lease ends in its time, and the attempt is a possible strike.
                    let _ = store.finish(&principal, &own, ended, None, now).await;
                });
            }
        })
    }
}

impl TokenStore for RedisStore {
    fn load<'a>(&'a self, principal: &'a Principal, now: Moment) -> StoreFuture<'a, Standing> {
        Box::pin(self.bounded(async move {
            let account = self.account(principal.account()).await?;
            account.load(principal, now).await
        }))
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        let begin = async move {
            let account = self.account(principal.account()).await?;
            Ok(match account.begin(principal, &bid, known, now).await? {
                Begin::Granted(leave) => Begin::Granted(self.watched(principal, leave, now)),
                other => other,
            })
        };
        Box::pin(async move {
            let mut begin = pin!(begin);
            match self.in_time(&mut begin).await {
                Some(begun) => begun,
                // The attempt may be on the record: whoever waits still can give it back.
                None => match timeout(bid.lease(), begin).await {
                    Ok(begun) => begun,
                    Err(_) => Err(late()),
                },
            }
        })
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        Box::pin(self.bounded(async move {
            let account = self.account(principal.account()).await?;
            account
                .finish(principal, leave, settlement, grant, now)
                .await
        }))
    }

    fn reset(&self, account: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        Box::pin(self.bounded(async move { self.account(account).await?.reset(now).await }))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("link", &self.link)
            .field("keys", &self.keys)
            .finish()
    }
}
