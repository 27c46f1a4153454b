mod judge;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use self::judge::Judge;
use crate::accounts::{Account, Accounts};
use crate::attempt::{Attempt, Rejection};
use crate::clock::{Clock, millis};
use crate::fault::Fault;
use crate::order::{Endpoint, Order, Queue};
use crate::rules::Rules;
use crate::strikes::{AccountStatus, Strikes};
use crate::tokens::{Grant, Tokens};

/// The issuer behind the token endpoint: its accounts, rules, tokens, clock and counters.
///
/// Independent of sockets; [`router`](crate::router) and [`Sandbox`](crate::Sandbox) serve it. Clones
/// share the issuer, so a test can keep one to inspect it.
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
pub struct Issuer(Arc<Shared>);

struct Shared {
    accounts: Accounts,
    clock: Clock,
    state: Mutex<State>,
    /// Held while rules are changed, so that a change may read the issuer.
    changing: Mutex<()>,
}

/// The mutable state of the issuer.
#[derive(Debug, Default)]
struct State {
    counters: Counters,
    /// In-flight token requests.
    calls_open: u64,
    rules: Rules,
    tokens: Tokens,
    strikes: Strikes,
    is_out: bool,
    faults: BTreeMap<Endpoint, Queue>,
}

impl Issuer {
    /// Creates a builder for other accounts, rules or another clock.
    pub fn builder() -> IssuerBuilder {
        IssuerBuilder::default()
    }

    /// Returns the counters.
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Resets the counters to zero.
    pub fn reset_counters(&self) {
        self.lock().counters = Counters::default();
    }

    /// Returns the number of in-flight token requests.
    pub fn token_requests_open(&self) -> u64 {
        self.lock().calls_open
    }

    /// Returns the rules in force.
    pub fn rules(&self) -> Rules {
        self.lock().rules.clone()
    }

    /// Changes the rules; tokens already granted keep their expiry.
    ///
    /// Changes are serialized, so none is lost. A change must not make another.
    pub fn change_rules(&self, change: impl FnOnce(Rules) -> Rules) {
        let _one = hold(&self.0.changing);
        let changed = change(self.rules());
        self.lock().rules = changed;
    }

    /// Returns the clock of the issuer.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Switches an outage on or off. During an outage, token requests get 503 and an HTML page, unread.
    /// API paths still work.
    pub fn set_outage(&self, on: bool) {
        self.lock().is_out = on;
    }

    /// Returns whether there is an outage.
    pub fn outage(&self) -> bool {
        self.lock().is_out
    }

    /// Returns whether API paths accept this token now.
    pub fn accepts(&self, token: &str) -> bool {
        self.check(token).is_ok()
    }

    /// Returns the number of valid tokens.
    pub fn tokens_alive(&self) -> usize {
        let now = self.clock().unix_ms();
        self.lock().tokens.alive(now)
    }

    /// Revokes one token; returns whether it was valid.
    pub fn revoke(&self, token: &str) -> bool {
        let now = self.clock().unix_ms();
        self.lock().tokens.revoke(token, now)
    }

    /// Revokes all tokens; returns how many were valid.
    pub fn revoke_all(&self) -> usize {
        let now = self.clock().unix_ms();
        self.lock().tokens.revoke_all(now)
    }

    /// Returns the accounts with their strikes: the users, then the merchants, each sorted by name.
    pub fn account_statuses(&self) -> Vec<AccountStatus> {
        let state = self.lock();
        let accounts = self.0.accounts.iter();
        accounts.map(|it| state.strikes.status(it)).collect()
    }

    /// Unlocks all accounts and clears their strikes.
    pub fn unlock_all(&self) {
        self.lock().strikes = Strikes::default();
    }

    /// Orders a fault. It becomes active when the earlier orders of its endpoint are used up.
    pub fn order(&self, order: Order) {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let queue = state.faults.entry(order.endpoint()).or_default();
        queue.push(order, now);
    }

    /// Returns the orders that are not used up, with their remaining counts: those of the token
    /// endpoint, then those of the API. The first of each is active.
    pub fn orders(&self) -> Vec<Order> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let queues = state.faults.values_mut();
        queues.flat_map(|queue| queue.orders(now)).collect()
    }

    /// Cancels all orders. Faults that already apply to a request remain.
    pub fn cancel_orders(&self) {
        self.lock().faults.clear();
    }

    /// Takes the fault for a request to `endpoint` now, and counts it.
    pub(crate) fn take_fault(&self, endpoint: Endpoint) -> Option<Fault> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let fault = state.faults.get_mut(&endpoint)?.take(now)?;
        state.counters.faults += 1;
        Some(fault)
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Returns the account of a valid token; the error says why it is not valid.
    pub(crate) fn check(&self, token: &str) -> Result<Account, &'static str> {
        let now = self.clock().unix_ms();
        let state = self.lock();
        let age = millis(state.rules.accepted_after);
        state.tokens.check(token, now, age).cloned()
    }

    /// Decides an attempt, and counts the outcome.
    pub(crate) fn judge(
        &self,
        api_key: Option<&str>,
        attempt: Result<Attempt, Rejection>,
    ) -> Result<Grant, Rejection> {
        let now = self.clock().unix_ms();
        let mut state = self.lock();
        let mut judge = Judge {
            accounts: &self.0.accounts,
            state: &mut state,
            api_key,
            now,
        };
        let verdict = attempt.and_then(|attempt| judge.attempt(attempt));
        match &verdict {
            Ok(_) => state.counters.grants += 1,
            Err(_) => state.counters.rejections += 1,
        }
        verdict
    }

    /// Counts a token request as in flight until the value is dropped.
    pub(crate) fn begin_token_call(&self) -> TokenCall {
        let mut state = self.lock();
        state.calls_open += 1;
        let open = state.calls_open;
        let counters = &mut state.counters;
        counters.token_requests += 1;
        counters.token_requests_at_once = counters.token_requests_at_once.max(open);
        TokenCall(self.clone())
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counters)) {
        count(&mut self.lock().counters);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        hold(&self.0.state)
    }
}

/// Locks a mutex and ignores poisoning: no panic under a lock leaves a partial update.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An in-flight token request.
pub(crate) struct TokenCall(Issuer);

impl Drop for TokenCall {
    fn drop(&mut self) {
        self.0.lock().calls_open -= 1;
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("accounts", &self.0.accounts)
            .field("rules", &self.rules())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// Builds an [`Issuer`]; the defaults are those of the documented server.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct IssuerBuilder {
    accounts: Accounts,
    rules: Rules,
    clock: Option<Clock>,
}

impl IssuerBuilder {
    /// Sets the credentials to accept. Default: [`Accounts::new`].
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = accounts;
        self
    }

    /// Sets the rules. Default: [`Rules::new`].
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Sets the clock. Default: a [`Clock::real`] that starts now.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Builds the issuer.
    pub fn build(self) -> Issuer {
        let state = State {
            rules: self.rules,
            ..State::default()
        };
        Issuer(Arc::new(Shared {
            accounts: self.accounts,
            clock: self.clock.unwrap_or_default(),
            state: Mutex::new(state),
            changing: Mutex::new(()),
        }))
    }
}

/// Counts since the start of the issuer, or since the last
/// [`reset_counters`](Issuer::reset_counters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// POST requests to a token endpoint, with any outcome.
    pub token_requests: u64,
    /// The maximum of concurrent token requests.
    pub token_requests_at_once: u64,
    /// Token requests that returned a token.
    pub grants: u64,
    /// Grants of a new token; the others returned an existing one.
    pub minted: u64,
    /// Grants for a refresh token.
    pub refreshes: u64,
    /// Token requests that were rejected for their content or their credentials.
    pub rejections: u64,
    /// Requests to API paths, with any outcome.
    pub api_calls: u64,
    /// Requests to API paths without a token that these accept.
    pub api_unauthorized: u64,
    /// Requests that got a [`Fault`].
    pub faults: u64,
    /// Requests at `/-/sandbox/trap`, the target of [`Fault::Redirect`]: made by a client that sends
    /// its password along a redirect.
    pub redirects_followed: u64,
}
