use enkash_auth_core::{
    Bearer,
    lifetime::Lifetime,
    strikes::{Attempt, Ledger},
};

/// A token in a store.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_core::{Bearer, Moment, lifetime::Lifetime};
/// use enkash_auth_tower::{Edition, StoredToken};
///
/// let lifetime = Lifetime::kept(Moment::new(0, 0), Duration::from_secs(300), false);
/// let bearer = Bearer::new("2YotnFZFEjr1zCsicMWpAA")?;
/// let token = StoredToken::new(bearer, lifetime, Edition::from_parts([7; 8], 1));
/// let now = Moment::new(60_000_000_000, 60_000_000_000);
/// assert_eq!(token.lifetime().remaining(now), Duration::from_secs(240));
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StoredToken {
    bearer: Bearer,
    lifetime: Lifetime,
    edition: Edition,
}

/// Which of an account's tokens it is: that of one attempt in one ledger.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Moment, RefreshPolicy};
/// use enkash_auth_core::strikes::{Bid, Holder, Ledger, Opening};
/// use enkash_auth_tower::Edition;
///
/// let mut ledger = Ledger::new([7; 32]);
/// let keys = Credentials::merchant("key", "secret").ledger_fingerprint(ledger.salt());
/// let bid = |flight| Bid::new(Holder::new(1, flight), &RefreshPolicy::default());
/// let mut edition = |flight| match ledger.begin(keys, &bid(flight), Moment::new(0, 0)) {
///     Opening::Granted(attempt) => Edition::new(&ledger, &attempt),
///     other => unreachable!("{other:?}"),
/// };
/// let (first, second) = (edition(1), edition(2));
/// assert!(second.is_news_to(Some(first)) && !first.is_news_to(Some(second)));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edition {
    era: [u8; 8],
    number: u64,
}

impl StoredToken {
    /// A token that lives as long as `lifetime`, brought by the attempt of `edition`.
    pub fn new(bearer: Bearer, lifetime: Lifetime, edition: Edition) -> Self {
        Self {
            bearer,
            lifetime,
            edition,
        }
    }

    /// The token.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// How long it lives, on the clocks of the cache.
    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// Which one it is.
    pub fn edition(&self) -> Edition {
        self.edition
    }
}

impl Edition {
    /// That of the token which `attempt` will bring.
    pub fn new(ledger: &Ledger, attempt: &Attempt) -> Self {
        Self::from_parts(ledger.era(), attempt.number())
    }

    /// What [`parts`](Self::parts) gave.
    pub fn from_parts(era: [u8; 8], number: u64) -> Self {
        Self { era, number }
    }

    /// What tells one ledger from the next of the same account, should the first be lost, and the
    /// number of the attempt.
    pub fn parts(self) -> ([u8; 8], u64) {
        (self.era, self.number)
    }

    /// Whether it is not `known`, nor one before it.
    pub fn is_news_to(self, known: Option<Self>) -> bool {
        known.is_none_or(|known| self.era != known.era || self.number > known.number)
    }
}
