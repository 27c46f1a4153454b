//! The handle to an issuer.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::builder::IssuerBuilder;
use super::counters::{Counters, TokenCall};
use super::state::State;
use super::strikes::{Account, AccountStatus};
use super::tokens::Bearer;
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::rules::Rules;

/// The issuer behind the token endpoint: its accounts, rules, tokens, clock and counters.
///
/// Knows nothing of HTTP; [`router`](crate::router) and [`Sandbox`](crate::Sandbox) put it there.
/// Clones are handles to the same issuer, so a test keeps one to look at what happened.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Issuer, Rules};
///
/// let issuer = Issuer::builder()
///     .rules(Rules::new().lifetime(Duration::from_secs(5)))
///     .build();
///
/// issuer.set_outage(true);
/// issuer.change_rules(|rules| rules.lifetime(Duration::from_secs(60)));
/// assert_eq!(issuer.counters().grants, 0);
/// ```
#[derive(Clone)]
pub struct Issuer {
    shared: Arc<Shared>,
}

struct Shared {
    accounts: Accounts,
    clock: Clock,
    state: Mutex<State>,
    /// Held while rules are changed, so that a change may look at the issuer meanwhile.
    changing: Mutex<()>,
}

impl Issuer {
    /// Builds an issuer with other accounts, rules or another clock.
    pub fn builder() -> IssuerBuilder {
        IssuerBuilder::default()
    }

    pub(crate) fn new(accounts: Accounts, rules: Rules, clock: Clock) -> Self {
        let shared = Shared {
            accounts,
            clock,
            state: Mutex::new(State::new(rules)),
            changing: Mutex::new(()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Counts from zero again.
    pub fn reset_counters(&self) {
        self.lock().counters = Counters::default();
    }

    /// How many token requests are under way now.
    #[must_use]
    pub fn token_requests_open(&self) -> u64 {
        self.lock().calls_open
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.lock().rules.clone()
    }

    /// Changes the rules; tokens already granted keep their end.
    ///
    /// Changes are made one after another, so none is lost. A change must not make another.
    pub fn change_rules(&self, change: impl FnOnce(Rules) -> Rules) {
        let _one = hold(&self.shared.changing);
        let changed = change(self.rules());
        self.lock().rules = changed;
    }

    /// The clock that the issuer goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Switches an outage on or off: while it lasts, token requests are answered with 503 and a
    /// page of HTML, unread. API paths go on.
    pub fn set_outage(&self, on: bool) {
        self.lock().outage = on;
    }

    /// Whether an outage is on.
    #[must_use]
    pub fn outage(&self) -> bool {
        self.lock().outage
    }

    /// Whether an API path would let this token in now.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        self.bearer(token) == Bearer::Valid
    }

    /// How many tokens are alive.
    #[must_use]
    pub fn tokens_alive(&self) -> usize {
        let now = self.clock().unix_ms();
        self.lock().tokens.alive(now)
    }

    /// Ends one token; says whether it was alive.
    pub fn revoke(&self, token: &str) -> bool {
        let now = self.clock().unix_ms();
        self.lock().tokens.revoke(token, now)
    }

    /// Ends all tokens; says how many were alive.
    pub fn revoke_all(&self) -> usize {
        let now = self.clock().unix_ms();
        self.lock().tokens.revoke_all(now)
    }

    /// The accounts with their strikes: the users, then the merchants, each sorted by name.
    #[must_use]
    pub fn account_statuses(&self) -> Vec<AccountStatus> {
        let (users, merchants) = self.accounts().names();
        let users = users.map(|name| Account::User(name.to_owned()));
        let merchants = merchants.map(|name| Account::Merchant(name.to_owned()));
        let state = self.lock();
        users
            .chain(merchants)
            .map(|account| state.strikes.status(&account))
            .collect()
    }

    /// Unlocks all accounts and forgets their strikes.
    pub fn unlock_all(&self) {
        self.lock().strikes.clear_all();
    }

    /// Counts a token request, from now until the value is dropped.
    pub(crate) fn begin_token_call(&self) -> TokenCall {
        TokenCall::begin(self.clone())
    }

    pub(crate) fn bearer(&self, token: &str) -> Bearer {
        let now = self.clock().unix_ms();
        self.lock().tokens.bearer(token, now)
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        hold(&self.shared.state)
    }
}

/// Nobody panics who could leave a half of something behind.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Issuer {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("accounts", self.accounts())
            .field("rules", &self.rules())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
