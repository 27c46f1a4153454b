mod judge;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use self::judge::Judge;
use crate::accounts::Accounts;
use crate::attempt::{Attempt, Refusal};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::order::{Endpoint, Order, Queue};
use crate::rules::Rules;
use crate::strikes::{AccountStatus, Strikes};
use crate::tokens::{Grant, Tokens};

/// The issuer behind the token endpoint: its accounts, rules, tokens, clock and counters.
///
/// Knows nothing of sockets; [`router`](crate::router) and [`Sandbox`](crate::Sandbox) put it
/// there. Clones are handles to the same issuer, so a test keeps one to look at what happened.
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
    /// Held while rules are changed, so that a change may look at the issuer meanwhile.
    changing: Mutex<()>,
}

/// What changes while the issuer runs.
#[derive(Debug, Default)]
struct State {
    counters: Counters,
    /// Token requests under way.
    calls_open: u64,
    rules: Rules,
    tokens: Tokens,
    strikes: Strikes,
    is_out: bool,
    token_faults: Queue,
    api_faults: Queue,
}

impl Issuer {
    /// Builds an issuer with other accounts, rules or another clock.
    pub fn builder() -> IssuerBuilder {
        IssuerBuilder::default()
    }

    /// Returns what has been counted so far.
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Counts from zero again.
    pub fn reset_counters(&self) {
        self.lock().counters = Counters::default();
    }

    /// Returns how many token requests are under way.
    pub fn token_requests_open(&self) -> u64 {
        self.lock().calls_open
    }

    /// Returns the rules in force.
    pub fn rules(&self) -> Rules {
        self.lock().rules.clone()
    }

    /// Changes the rules; tokens already granted keep their end.
    ///
    /// Changes are made one after another, so none is lost. A change must not make another.
    pub fn change_rules(&self, change: impl FnOnce(Rules) -> Rules) {
        let _one = hold(&self.0.changing);
        let changed = change(self.rules());
        self.lock().rules = changed;
    }

    /// Returns the clock that the issuer goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Switches an outage on or off: while it lasts, token requests are answered with 503 and a
    /// page of HTML, unread. API paths go on.
    pub fn set_outage(&self, on: bool) {
        self.lock().is_out = on;
    }

    /// Returns whether an outage is on.
    pub fn outage(&self) -> bool {
        self.lock().is_out
    }

    /// Returns whether an API path would let this token in now.
    pub fn accepts(&self, token: &str) -> bool {
        self.check(token).is_ok()
    }

    /// Returns how many tokens are alive.
    pub fn tokens_alive(&self) -> usize {
        let now = self.clock().unix_ms();
        self.lock().tokens.alive(now)
    }

    /// Ends one token; returns whether it was alive.
    pub fn revoke(&self, token: &str) -> bool {
        let now = self.clock().unix_ms();
        self.lock().tokens.revoke(token, now)
    }

    /// Ends all tokens; returns how many were alive.
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

    /// Orders a fault. It comes into force when the earlier orders of its endpoint are used up.
    pub fn order(&self, order: Order) {
        let now = self.clock().elapsed_ms();
        self.lock().faults(order.endpoint()).push(order, now);
    }

    /// Returns the orders that are not used up, with what is left of them: those of the token
    /// endpoint, then those of the API; of each, the first is in force.
    pub fn orders(&self) -> Vec<Order> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let mut orders = state.token_faults.orders(now);
        orders.extend(state.api_faults.orders(now));
        orders
    }

    /// Cancels all orders. A request that one has struck already stays struck.
    pub fn cancel_orders(&self) {
        let mut state = self.lock();
        state.token_faults = Queue::default();
        state.api_faults = Queue::default();
    }

    /// Takes the fault that strikes a request to `endpoint` now, and counts it.
    pub(crate) fn take_fault(&self, endpoint: Endpoint) -> Option<Fault> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let fault = state.faults(endpoint).take(now)?;
        state.counters.faults += 1;
        Some(fault)
    }

    /// Checks that a token is alive; the error says why not.
    pub(crate) fn check(&self, token: &str) -> Result<(), &'static str> {
        let now = self.clock().unix_ms();
        self.lock().tokens.check(token, now)
    }

    /// Decides an attempt, and counts the verdict.
    pub(crate) fn judge(
        &self,
        api_key: Option<&str>,
        attempt: Result<Attempt, Refusal>,
    ) -> Result<Grant, Refusal> {
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

    /// Counts a token request, which is under way until the value is dropped.
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

/// Locks. Nothing that panics under a lock leaves a half of something behind.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A token request under way.
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

/// Builds an [`Issuer`]; what is not set is as the documented server has it.
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

    /// Sets how to grant and answer. Default: [`Rules::new`].
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Sets the clock to go by. Default: a [`Clock::real`] that starts now.
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

/// What the issuer has seen since its start, or since the last
/// [`reset_counters`](Issuer::reset_counters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// POST requests to a token endpoint, whatever became of them.
    pub token_requests: u64,
    /// The most token requests that were under way at one time.
    pub token_requests_at_once: u64,
    /// Token requests that were answered with a token.
    pub grants: u64,
    /// Grants for which a token was minted; the others answered one that was there.
    pub minted: u64,
    /// Grants for a refresh token.
    pub refreshes: u64,
    /// Token requests that were refused for what they asked or for their credentials.
    pub rejections: u64,
    /// Requests to API paths, whatever became of them.
    pub api_calls: u64,
    /// Requests to API paths that were refused for their token.
    pub api_refusals: u64,
    /// Requests that a [`Fault`] struck.
    pub faults: u64,
    /// Requests at `/-/sandbox/trap`, where [`Fault::Redirect`] leads: made
    /// by a client that carries its password to wherever it is sent.
    pub redirects_followed: u64,
}

impl State {
    fn faults(&mut self, endpoint: Endpoint) -> &mut Queue {
        match endpoint {
            Endpoint::Token => &mut self.token_faults,
            Endpoint::Api => &mut self.api_faults,
        }
    }
}
