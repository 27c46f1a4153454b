//! 1. An attempt is on the record before its password is sent, whoever makes it.
//! 2. Nothing is awaited, and nothing of the user's dropped, while the lock is held.

use std::{collections::HashMap, future::ready, sync::LazyLock};

use enkash_auth_core::{
    AccountId, Fingerprint, Grant, Moment,
    strikes::{Bid, Ledger, Opening, Settlement},
};

use super::{Begin, Edition, Leave, Principal, Standing, StoreFuture, StoredToken, TokenStore};
use crate::sync::{Arc, Mutex, global};

/// The salt of what never leaves the process.
const NO_SALT: [u8; 32] = [0; 32];

global! {
    // Its memory is that of the accounts this process has ever asked for.
    static PROCESS: LazyLock<Arc<Ledgers>> = LazyLock::new(Arc::default);
}

/// A store for the caches of one process. It forgets all when the process ends.
///
/// A cache that is given no store has one of its own, for its token; but the record of attempts is
/// one for the whole process, so that a cache built for every request by mistake locks no account.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{MemoryStore, TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .store(Arc::new(MemoryStore::new()))
///     .build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    ledgers: Arc<Ledgers>,
    tokens: Mutex<HashMap<(AccountId, Fingerprint), StoredToken>>,
}

#[derive(Debug)]
struct Ledgers {
    /// Not secret: it tells the attempts of these ledgers from those of any other.
    salt: [u8; 32],
    of: Mutex<HashMap<AccountId, Ledger>>,
}

impl MemoryStore {
    /// A store that shares nothing with any other.
    pub fn new() -> Self {
        Self::default()
    }

    /// One with tokens of its own, and the process's record of attempts.
    pub(crate) fn of_process() -> Self {
        Self {
            ledgers: Arc::clone(&PROCESS),
            tokens: Mutex::default(),
        }
    }

    fn token(&self, principal: &Principal) -> Option<StoredToken> {
        self.tokens.lock().get(&key(principal)).cloned()
    }

    fn bid(&self, principal: &Principal, bid: &Bid, known: Option<Edition>, now: Moment) -> Begin {
        let account = principal.account();
        let opening = self.ledgers.with(account, |ledger| {
            let found = self.token(principal);
            if let Some(token) = found.filter(|token| token.edition().is_news_to(known)) {
                return Err(token);
            }
            let opening = ledger.begin(principal.ledger_fingerprint(ledger.salt()), bid, now);
            Ok(match opening {
                Opening::Granted(attempt) => {
                    Begin::Granted(Leave::new(attempt, Edition::new(ledger, &attempt)))
                }
                Opening::Busy => Begin::Busy,
                Opening::Denied(error) => Begin::Denied(error),
            })
        });
        match opening {
            Err(token) => Begin::Found(token),
            Ok(Begin::Granted(leave)) => {
                let (ledgers, attempt) = (Arc::clone(&self.ledgers), leave.attempt());
                Begin::Granted(leave.or_else(move |ended| {
                    ledgers.with(account, |ledger| ledger.finish(attempt, ended));
                }))
            }
            Ok(other) => other,
        }
    }

    fn settle(
        &self,
        principal: &Principal,
        leave: &Leave,
        settlement: Settlement,
        grant: Option<&Grant>,
        now: Moment,
    ) -> Standing {
        // A token that is displaced is dropped after the locks.
        let (standing, _displaced) = self.ledgers.with(principal.account(), |ledger| {
            let is_known = leave.settle(ledger, principal, settlement, now);
            let mut tokens = self.tokens.lock();
            let held = tokens.get(&key(principal)).map(StoredToken::edition);
            let displaced = grant
                .filter(|_| is_known)
                .and_then(|grant| leave.news(grant, held))
                .map(|token| tokens.insert(key(principal), token));
            let token = tokens.get(&key(principal)).cloned();
            (Standing::new(ledger, token), displaced)
        });
        standing
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, principal: &'a Principal, _: Moment) -> StoreFuture<'a, Standing> {
        let standing = self.ledgers.with(principal.account(), |ledger| {
            Standing::new(ledger, self.token(principal))
        });
        Box::pin(ready(Ok(standing)))
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        Box::pin(ready(Ok(self.bid(principal, &bid, known, now))))
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        let standing = self.settle(principal, leave, settlement, grant, now);
        Box::pin(ready(Ok(standing)))
    }

    fn reset(&self, account: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        self.ledgers.with(account, |ledger| ledger.reset(now));
        Box::pin(ready(Ok(())))
    }
}

impl Ledgers {
    fn with<T>(&self, account: AccountId, f: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledgers = self.of.lock();
        f(ledgers
            .entry(account)
            .or_insert_with(|| Ledger::new(self.salt)))
    }
}

impl Default for Ledgers {
    fn default() -> Self {
        let mut salt = [0; 32];
        fastrand::fill(&mut salt);
        Self {
            salt,
            of: Mutex::default(),
        }
    }
}

fn key(principal: &Principal) -> (AccountId, Fingerprint) {
    (principal.account(), principal.ledger_fingerprint(&NO_SALT))
}
