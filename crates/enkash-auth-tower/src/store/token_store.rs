use std::{fmt, pin::Pin, time::Duration};

use enkash_auth_core::{
    AccountId, Error, Grant, Moment,
    strikes::{Bid, Ledger, Settlement},
};

use super::{Edition, Leave, Principal, StoredToken};
use crate::BoxError;

/// How long a cache waits for a call of its store: a renewal behind a good token can do without, and a
/// caller who waits must not wait for long.
pub const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// What a method of a [`TokenStore`] returns.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::{Standing, StoreFuture};
///
/// fn load<'a>() -> StoreFuture<'a, Standing> {
///     Box::pin(async { Ok(Standing::default()) })
/// }
/// # drop(load());
/// ```
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Where the caches of a process, a host or a fleet share a token and one record of attempts.
///
/// Strikes and the lease are those of an account: they stand in one [`Ledger`], which a store reads,
/// asks and writes back in one step. Tokens are those of a [`Principal`]: an account with one set of
/// credentials.
///
/// `now` is the cache's clock. A store that outlives the process has only its wall reading, and one
/// that several machines share should take its own.
///
/// # Errors
///
/// Of any method: the store cannot be used now. An error must hold no secret.
///
/// # Cancel safety
///
/// A call that takes longer than [`STORE_TIMEOUT`] is dropped, at any of its awaits, and may have done
/// all or nothing by then. `begin` alone is waited for until its lease would be over: leave that comes
/// too late is given back.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{MemoryStore, TokenCache, TokenEndpoint, TokenStore};
///
/// let store = Arc::new(MemoryStore::new());
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::new(Environment::Test, keys)?;
/// // These two share one token.
/// let one = TokenCache::builder(endpoint.clone()).store(store.clone()).build();
/// let two = TokenCache::builder(endpoint).store(store).build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
pub trait TokenStore: fmt::Debug + Send + Sync + 'static {
    /// What the store has, without changing anything.
    fn load<'a>(&'a self, principal: &'a Principal, now: Moment) -> StoreFuture<'a, Standing>;

    /// Records an attempt and gives leave to make it, in one step; or hands out a token that is news
    /// to one who knows of `known`.
    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin>;

    /// Settles an attempt and keeps the token that it came to, unless a later attempt has brought
    /// another. To be called again after an error, also where the first call has done its work.
    ///
    /// It is told of attempts, too, that it has no record of, for it was down or has lost it: they
    /// count ([`Leave::settle`]), and their tokens are not kept.
    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing>;

    /// Forgets the strikes of `account`: an operator has seen to it.
    fn reset(&self, account: AccountId, now: Moment) -> StoreFuture<'_, ()>;
}

/// What a store has for a principal.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Moment, strikes::Ledger};
/// use enkash_auth_tower::Standing;
///
/// // One whose record was lost.
/// let ledger = Ledger::unreadable([7; 32], Moment::new(0, 0));
/// assert_eq!(Standing::new(&ledger, None).strikes.possible, 1);
/// ```
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "made by every store")]
pub struct Standing {
    /// The newest token.
    pub token: Option<StoredToken>,
    /// The strikes of its account.
    pub strikes: Tally,
}

/// How many attempts count, or may count, against an account.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::strikes::BUDGET;
/// use enkash_auth_tower::Tally;
///
/// let strikes = Tally { definite: 1, possible: 0 };
/// assert!(strikes.definite + strikes.possible < BUDGET);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by every store")]
pub struct Tally {
    /// The server refused them.
    pub definite: usize,
    /// They are on, or ended with nobody knowing how.
    pub possible: usize,
}

/// What a store says to one who wants to make an attempt.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment, Moment, RefreshPolicy};
/// use enkash_auth_core::strikes::{Bid, Holder, Settlement};
/// use enkash_auth_tower::{Begin, BoxError, MemoryStore, TokenEndpoint, TokenStore};
///
/// # tokio_test::block_on(async {
/// let (store, now) = (MemoryStore::new(), Moment::new(0, 0));
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::new(Environment::Test, keys)?;
/// let who = endpoint.principal();
/// let bid = |cache| Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
///
/// let Begin::Granted(leave) = store.begin(who, bid(1), None, now).await? else { unreachable!() };
/// assert!(matches!(store.begin(who, bid(2), None, now).await?, Begin::Busy));
/// // The password was sent, and nobody knows what came of it.
/// let standing = store.finish(who, &leave, Settlement::Unresolved, None, now).await?;
/// assert_eq!(standing.strikes.possible, 1);
/// # Ok::<(), BoxError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a cache must see all of it")]
pub enum Begin {
    /// Send the password, once.
    Granted(Leave),
    /// Send nothing: there is this token.
    Found(StoredToken),
    /// Somebody else's attempt is on: come again.
    Busy,
    /// Send nothing.
    Denied(Error),
}

impl Standing {
    /// What `ledger` and `token` come to.
    pub fn new(ledger: &Ledger, token: Option<StoredToken>) -> Self {
        let strikes = ledger.strikes();
        Self {
            token,
            strikes: Tally {
                definite: strikes.definite(),
                possible: strikes.possible(),
            },
        }
    }
}
