//! Guards the state of one cache, which all its handles share.
//!
//! 1. State and snapshot change together, under one lock, as do the waiters of the pending fetch.
//! 2. Under the lock nothing is awaited, spawned or woken, no clock or random number is read, and nothing
//!    that may hold a value of the user's is dropped.

use std::time::Duration;

use enkash_auth_core::{
    AccessToken, AccountKey, Clock, Credentials, Grant, Policy, Timestamp,
    account::AttemptId,
    state::{Call, FetchOutcome, Lookup, PendingFetch, State, View},
};
use http::HeaderValue;

use super::{
    attached::Registered,
    common::Common,
    fetch_task::{self, FetchEnd},
    inner::Inner,
    places::Place,
    snapshot::{Published, Snapshot},
    source::Source,
    usage::Usage,
    waiters::Completion,
    waiting::{Pending, runtime},
};
use crate::{
    Error, ErrorKind, RefreshPolicy,
    attempts::{Attempts, PermittedAttempt},
    endpoint::TokenEndpoint,
    status::Status,
    sync::{Arc, Mutex, Ordering, Weak},
    time::Time,
};

/// Holds what all handles of one cache share.
#[derive(Debug)]
pub struct Shared {
    common: Arc<Common>,
    source: Option<Source>,
    snapshot: Snapshot,
    inner: Mutex<Inner>,
    usage: Usage,
}

impl Shared {
    pub fn new(
        common: Arc<Common>,
        endpoint: Option<TokenEndpoint>,
        source: Option<Source>,
    ) -> Arc<Self> {
        let created = common.clock().now();
        Arc::new_cyclic(|own| Self {
            common,
            source,
            snapshot: Snapshot::new(Registered::new(Weak::clone(own))),
            inner: Mutex::new(Inner::new(endpoint)),
            usage: Usage::new(created),
        })
    }

    pub fn endpoint(&self) -> Option<TokenEndpoint> {
        self.inner.lock().endpoint().cloned()
    }

    pub fn account(&self) -> Option<AccountKey> {
        self.inner.lock().account()
    }

    pub fn common(&self) -> &Common {
        &self.common
    }

    pub fn attempts(&self) -> &Arc<Attempts> {
        self.common.attempts()
    }

    pub fn policy(&self) -> &RefreshPolicy {
        self.common.policy()
    }

    pub fn clock(&self) -> &Time {
        self.common.clock()
    }

    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns the access key of the credentials that obtained `token`, if they are merchant keys.
    pub fn access_key(&self, token: &AccessToken) -> Option<HeaderValue> {
        let current = self.snapshot.load();
        let current = current.as_deref();
        match current.filter(|it| it.view().token().generation() == token.generation()) {
            Some(current) => current.endpoint()?.access_key().cloned(),
            None => self.endpoint()?.access_key().cloned(),
        }
    }

    /// Returns whether the last fetch failed.
    pub fn is_failing(&self) -> bool {
        self.inner.lock().state().is_failing()
    }

    /// Counts the time of `pending` from now on. Returns `false` if it was abandoned.
    pub fn extend(&self, pending: PendingFetch) -> bool {
        self.locked(|inner, now, policy| inner.state_mut().extend(pending.number(), now, policy))
    }

    /// Begins the attempts of `pending` at `place`, and ends the attempt of an abandoned fetch, which sends
    /// nothing from now on. Returns `false` if this one was abandoned.
    pub fn begin(&self, pending: PendingFetch, place: Place) -> bool {
        // What is left of it is dropped after the lock.
        let mut place = Some(place);
        let attempt =
            self.locked(|inner, now, policy| inner.begin(pending, &mut place, now, policy));
        let Some(attempt) = attempt else {
            return false;
        };
        if let Some(attempt) = attempt.upgrade() {
            attempt.end();
        }
        true
    }

    /// Returns how long to wait before a token request, if until then the server may return the expired token. A single
    /// account asks at once, and repeatedly.
    pub fn reused_for(&self) -> Option<Duration> {
        self.common.reuse()?;
        let reused_for = self.locked(|inner, now, _| inner.state().reused_for(now));
        (!reused_for.is_zero()).then_some(reused_for)
    }

    /// Gives back the place of `pending`, which sends nothing from now on.
    pub fn give_back(&self, pending: PendingFetch) {
        let place = self.inner.lock().give_back(pending);
        drop(place);
    }

    /// Records that a fetch makes `attempt`.
    pub fn attempts_with(&self, attempt: &Arc<PermittedAttempt>) {
        self.inner.lock().set_attempt(attempt);
    }

    /// Returns the attempt that obtained the token, if the store has it.
    pub fn obtained_by(&self) -> Option<AttemptId> {
        self.inner.lock().obtained_by()
    }

    /// Returns whether `pending` is in flight, and not abandoned.
    pub fn is_pending(&self, pending: PendingFetch) -> bool {
        self.inner.lock().is_pending(pending)
    }

    /// Returns the fetch that is in flight and not overdue.
    pub fn pending(&self) -> Option<Pending> {
        self.locked(|inner, now, _| inner.pending(now))
    }

    /// Consults the snapshot, then the state, and spawns the fetch that it decides on, on the caller's
    /// runtime.
    pub fn lookup(self: &Arc<Self>) -> Lookup<Pending, Error> {
        let now = self.clock().now();
        if let Some(current) = self.snapshot.load().as_deref()
            && current.is_fresh()
        {
            return Lookup::Ready(current.view().token().clone());
        }
        self.usage.look_up(now);
        let runtime = runtime();
        let can_fetch = runtime.as_ref().map(drop).map_err(Error::clone);
        let (lookup, spawn, abandoned, account, old) = {
            let mut inner = self.inner.lock();
            let account = inner.account();
            let (lookup, spawn, abandoned) =
                inner.lookup(now, can_fetch, &self.policy().state_policy());
            let is_served = matches!(lookup, Lookup::Ready(_));
            let old = (is_served || abandoned.is_some() || spawn.is_some())
                .then(|| inner.publish(&self.snapshot, now, self.clock()));
            // Read with the decision: new credentials abandon the fetch.
            let spawn = spawn.map(|pending| (pending, inner.endpoint().cloned()));
            (lookup, spawn, abandoned, account, old)
        };
        drop(old);
        if let (Some((pending, endpoint)), Ok(runtime)) = (spawn, &runtime) {
            fetch_task::spawn(runtime, self, endpoint, pending);
            if self.common.refreshes(true) {
                let is_stalled = abandoned.is_some();
                self.common.refresher().start(runtime, self, is_stalled);
            }
        }
        if let Some(fetch) = abandoned {
            fetch.abandon_overdue(account, self.attempts().meter());
        }
        lookup
    }

    /// Completes `pending`: publishes the `outcome`, whose token the attempt `obtained_by` obtained, and wakes
    /// the waiters. Does nothing, and returns `None`, if it was abandoned.
    pub fn complete(
        &self,
        pending: PendingFetch,
        outcome: FetchOutcome<Error>,
        obtained_by: Option<AttemptId>,
    ) -> Option<FetchEnd> {
        let (policy, jitter) = match &outcome {
            FetchOutcome::Granted(_, lifetime) => self.common.schedule(lifetime),
            _ => (self.policy().state_policy(), fastrand::f64()),
        };
        let (fetching, error, end) = self.change(|inner, now| {
            inner.complete(pending, &outcome, obtained_by, now, jitter, &policy)
        })?;
        if let (Some(is_same), Some(reuse)) = (end.is_same(), self.common.reuse()) {
            reuse.record(is_same, self.clock().now());
        }
        if let Some(fetching) = fetching {
            fetching.complete(error.map_or(Completion::LookUp, Completion::Failed));
        }
        Some(end)
    }

    /// Records that `pending` received `grant`. Returns how long to wait before the next request, if that is
    /// the cached token and it has expired.
    pub fn received(&self, pending: PendingFetch, grant: &Grant) -> Option<Duration> {
        let (number, bearer, lifetime) = (pending.number(), grant.bearer(), grant.lifetime());
        self.locked(|inner, now, policy| {
            let state = inner.state_mut();
            state.received(number, bearer, lifetime, now, policy)
        })
    }

    /// Records that the API did not take the token of `generation`, in response to `call` if that was watched,
    /// and fetches another if that changes anything.
    pub fn unauthorized(self: &Arc<Self>, generation: u64, is_proof: bool, call: Option<Call>) {
        if self.change_state(|state, now| state.unauthorized(generation, is_proof, call, now)) {
            tracing::debug!(generation, is_proof, "api did not take the token");
            // Spawns the fetch; callers that need its token look it up.
            drop(self.lookup());
        }
    }

    /// Records that the user rejected the token of `generation`, and fetches another.
    pub fn reject(self: &Arc<Self>, generation: u64) {
        if self.change_state(|state, now| state.reject(generation, now)) {
            drop(self.lookup());
        }
    }

    /// Records that the API took the token of `generation`, if that matters.
    pub fn accepted(&self, generation: u64, call: Call) {
        let current = self.snapshot.load();
        let view = current.as_deref().map(Published::view);
        if view.is_some_and(View::is_watched) {
            self.change_state(|state, _| state.accepted(generation, call));
        }
    }

    /// Uses `credentials` from now on; given `instead_of`, only if those are still in use. Returns whether
    /// they are different, and used.
    pub fn change_credentials(
        self: &Arc<Self>,
        credentials: Credentials,
        instead_of: Option<&TokenEndpoint>,
    ) -> Result<bool, Error> {
        // Swapped with the old one, which is dropped after the lock.
        let mut endpoint = Some(self.common.server().endpoint(credentials)?);
        if let Some(new) = &endpoint {
            self.common.claim(new.account(), self)?;
        }
        let abandoned = self.change(|inner, _| {
            let (is_changed, abandoned) = inner.change_credentials(&mut endpoint, instead_of);
            is_changed.then_some(abandoned)
        });
        // The one that was replaced; the new one, if it was not.
        let unused = endpoint.as_ref().map(TokenEndpoint::account);
        if let Some(account) = unused {
            self.common.release(account, Arc::as_ptr(self));
        }
        let is_changed = abandoned.is_some();
        if let Some(fetch) = abandoned.flatten() {
            fetch.abandon(unused, self.attempts().meter());
        }
        Ok(is_changed)
    }

    /// Returns the endpoint, whose credentials are read from the source if there are none yet.
    pub async fn resolve(self: &Arc<Self>) -> Result<TokenEndpoint, Error> {
        if let Some(endpoint) = self.endpoint() {
            return Ok(endpoint);
        }
        if let Some(source) = &self.source {
            source.load(self, false).await?;
        }
        let missing = || Error::new(ErrorKind::NoCredentials, "");
        self.endpoint().ok_or_else(missing)
    }

    /// Clears the last failure, and the backoff after it.
    pub fn clear_backoff(&self) {
        self.change_state(|state, _| {
            state.clear_backoff();
            true
        });
    }

    /// Returns for how long the token, or the cache if there is none, was not used, and whether it would be missed:
    /// there is a usable token, or a backoff that has not passed.
    pub fn unused_for(&self, now: Timestamp) -> (Duration, bool) {
        let current = self.snapshot.load();
        let (used, is_usable) = match current.as_deref() {
            Some(current) => (current.last_used(), current.view().token().is_usable(now)),
            None => (self.usage.looked_up(), false),
        };
        let unused = now.monotonic_nanos().saturating_sub(used);
        let is_missed = is_usable || self.inner.lock().state().error_at(now).is_some();
        (Duration::from_nanos(unused), is_missed)
    }

    /// Returns how long no lookup is due: zero for now, `None` while a fetch is in flight.
    pub fn idle_for(&self) -> Option<Duration> {
        self.locked(|inner, now, policy| inner.idle_for(now, policy))
    }

    /// Applies `apply` under the lock, and publishes nothing.
    fn locked<T>(&self, apply: impl FnOnce(&mut Inner, Timestamp, &Policy) -> T) -> T {
        let (now, policy) = (self.clock().now(), self.policy().state_policy());
        apply(&mut self.inner.lock(), now, &policy)
    }

    /// Applies `change` under the lock, and publishes the state if it returns that it has changed it. Returns
    /// whether it has.
    fn change_state(&self, change: impl FnOnce(&mut State<Error>, Timestamp) -> bool) -> bool {
        let changed = self.change(|inner, now| change(inner.state_mut(), now).then_some(()));
        changed.is_some()
    }

    /// Applies `change` under the lock, and publishes the state unless it returns `None`.
    fn change<T>(&self, change: impl FnOnce(&mut Inner, Timestamp) -> Option<T>) -> Option<T> {
        let now = self.clock().now();
        let (changed, old) = {
            let mut inner = self.inner.lock();
            // A replaced state may hold an error of the user's: it is dropped after the lock.
            let state = inner.state().clone();
            let changed = change(&mut inner, now);
            let view = changed
                .as_ref()
                .map(|_| inner.publish(&self.snapshot, now, self.clock()));
            (changed, (state, view))
        };
        drop(old);
        changed
    }

    pub fn status(&self) -> Status {
        let now = self.clock().now();
        let (state, account) = {
            let inner = self.inner.lock();
            (inner.state().clone(), inner.account())
        };
        let facts = account.map(|account| self.attempts().facts(account));
        Status::new(
            &state,
            now,
            self.usage.waiting().load(Ordering::Relaxed),
            self.usage.requests(),
            &facts.unwrap_or_default(),
        )
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(account) = self.account() {
            self.common.release(account, self);
        }
    }
}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/cache/mod.rs"]
mod model;
