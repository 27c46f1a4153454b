use std::time::Duration;

use enkash_auth_core::{
    AccountKey, Policy, Timestamp,
    account::AttemptId,
    state::{Decision, FetchOutcome, Lookup, PendingFetch, State},
};

use super::{
    fetch_task::FetchEnd,
    fetching::Fetching,
    places::Place,
    snapshot::{Published, Snapshot},
    waiting::Pending,
};
use crate::{
    Error,
    attempts::PermittedAttempt,
    endpoint::TokenEndpoint,
    sync::{Arc, Weak},
    time::Time,
};

/// Holds what changes together, under the lock of a cache. What its methods return is used and dropped after that.
#[derive(Debug)]
pub struct Inner {
    state: State<Error>,
    /// `None` until the source has been read, if there were no credentials at first.
    endpoint: Option<TokenEndpoint>,
    /// What the state's pending fetch has taken.
    fetching: Option<Box<Fetching>>,
    /// The permit of the newest fetch.
    attempt: Weak<PermittedAttempt>,
    /// The attempt that obtained the token, if the store has it.
    obtained_by: Option<AttemptId>,
}

impl Inner {
    pub fn new(endpoint: Option<TokenEndpoint>) -> Self {
        Self {
            state: State::new(),
            endpoint,
            fetching: None,
            attempt: Weak::new(),
            obtained_by: None,
        }
    }

    pub fn state(&self) -> &State<Error> {
        &self.state
    }

    /// Changes what neither begins nor ends a fetch.
    pub fn state_mut(&mut self) -> &mut State<Error> {
        &mut self.state
    }

    pub fn endpoint(&self) -> Option<&TokenEndpoint> {
        self.endpoint.as_ref()
    }

    pub fn account(&self) -> Option<AccountKey> {
        self.endpoint().map(TokenEndpoint::account)
    }

    /// Returns the attempt that obtained the token, if the store has it.
    pub fn obtained_by(&self) -> Option<AttemptId> {
        self.obtained_by
    }

    /// Returns whether `fetch` is in flight, and not abandoned.
    pub fn is_pending(&self, fetch: PendingFetch) -> bool {
        let current = self.state.pending();
        current.is_some_and(|current| current.number() == fetch.number())
    }

    /// Returns how to wait for the fetch that is in flight and not overdue.
    pub fn pending(&self, now: Timestamp) -> Option<Pending> {
        let (fetch, fetching) = (self.state.pending()?, self.fetching.as_ref()?);
        let is_overdue = fetch.overdue().has_passed(now);
        let waiters = || Arc::clone(fetching.waiters());
        (!is_overdue).then(|| Pending::new(waiters(), fetch.overdue()))
    }

    /// Decides what a caller gets. Returns with that the fetch to spawn, and the one that was abandoned.
    pub fn lookup(
        &mut self,
        now: Timestamp,
        can_fetch: Result<(), Error>,
        policy: &Policy,
    ) -> (
        Lookup<Pending, Error>,
        Option<PendingFetch>,
        Option<Box<Fetching>>,
    ) {
        let Decision {
            lookup,
            spawn,
            abandoned,
        } = self.state.lookup(now, can_fetch, policy);
        let abandoned = self.fetching.take_if(|_| abandoned);
        if let Some(fetch) = spawn {
            self.fetching(fetch);
        }
        let lookup = lookup.try_map(|fetch| {
            let waiters = Arc::clone(self.fetching(fetch).waiters());
            Ok(Pending::new(waiters, fetch.overdue()))
        });
        (lookup, spawn, abandoned)
    }

    /// Begins the attempts of `fetch` at `place`. Returns the attempt of an abandoned fetch, to be ended; `None` if
    /// this one was abandoned.
    pub fn begin(
        &mut self,
        fetch: PendingFetch,
        place: &mut Option<Place>,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<Weak<PermittedAttempt>> {
        if !self.state.extend(fetch.number(), now, policy) {
            return None;
        }
        std::mem::swap(self.fetching(fetch).place_mut(), place);
        Some(std::mem::take(&mut self.attempt))
    }

    /// Takes the place of `fetch`.
    pub fn give_back(&mut self, fetch: PendingFetch) -> Option<Place> {
        let is_pending = self.is_pending(fetch);
        let fetching = self.fetching.as_mut().filter(|_| is_pending)?;
        fetching.place_mut().take()
    }

    /// Records that the newest fetch makes `attempt`.
    pub fn set_attempt(&mut self, attempt: &Arc<PermittedAttempt>) {
        self.attempt = Arc::downgrade(attempt);
    }

    /// Completes `fetch` with the `outcome`, whose token the attempt `obtained_by` obtained. Returns what it had
    /// taken, the error of its waiters, and how it ended; `None` if it was abandoned.
    pub fn complete(
        &mut self,
        fetch: PendingFetch,
        outcome: &FetchOutcome<Error>,
        obtained_by: Option<AttemptId>,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> Option<(Option<Box<Fetching>>, Option<Error>, FetchEnd)> {
        let before = self.state.generation();
        let had_life = self.state.usable(now).is_some();
        // Cloned: it may hold an error of the user's, which is not dropped here.
        let completed = outcome.clone();
        if !self
            .state
            .complete(fetch.number(), completed, now, jitter, policy)
        {
            return None;
        }
        let error = self.state.error_at(now);
        // Recorded with the token: the next fetch must not take it for a newer one.
        if matches!(outcome, FetchOutcome::Granted(..)) && error.is_none() {
            self.obtained_by = obtained_by;
        }
        // That of an abandoned fetch is ended by the next one.
        if self.attempt.strong_count() == 0 {
            self.attempt = Weak::new();
        }
        let after = self.state.generation();
        let end = FetchEnd::new(outcome, error.as_ref(), had_life, before, after);
        Some((self.fetching.take(), error, end))
    }

    /// Swaps `endpoint` with the one in use, if its credentials are others; given `instead_of`, only if those are still
    /// in use. Returns whether it is used now, and the fetch that was abandoned with that.
    pub fn change_credentials(
        &mut self,
        endpoint: &mut Option<TokenEndpoint>,
        instead_of: Option<&TokenEndpoint>,
    ) -> (bool, Option<Box<Fetching>>) {
        let (Some(used), Some(new)) = (&self.endpoint, &*endpoint) else {
            // The pending fetch has read them, or the last one failed without them.
            self.state.clear_backoff();
            std::mem::swap(&mut self.endpoint, endpoint);
            return (true, None);
        };
        let is_late = instead_of.is_some_and(|old| !old.is(used));
        // A fetch with the same ones may be in flight: it is not repeated.
        if is_late || new.is(used) {
            return (false, None);
        }
        let keeps_token = new.credentials().act_as(used.credentials());
        self.state.change_credentials(keeps_token);
        self.obtained_by = None;
        std::mem::swap(&mut self.endpoint, endpoint);
        (true, self.fetching.take())
    }

    /// Returns whether the fetch in flight has a place.
    pub fn has_place(&self) -> bool {
        let fetching = self.fetching.as_ref();
        fetching.is_some_and(|it| it.place().is_some())
    }

    /// Returns how long no lookup is due: zero for now, `None` while a fetch is in flight.
    pub fn idle_for(&self, now: Timestamp, policy: &Policy) -> Option<Duration> {
        match self.state.pending() {
            // It waits for a place, if it is driven.
            Some(fetch) if !self.has_place() => Some(fetch.overdue().remaining(now)),
            Some(fetch) if !fetch.overdue().has_passed(now) => None,
            Some(_) => Some(Duration::ZERO),
            None => self
                .state
                .next_refresh(now, policy)
                .map_or(Some(Duration::MAX), |due| Some(due.remaining(now))),
        }
    }

    /// Publishes the state, and returns the old view.
    pub fn publish(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        clock: &Time,
    ) -> Option<Arc<Published>> {
        snapshot.publish(self.state.view(now), now, self.endpoint(), clock)
    }

    /// Returns what `fetch`, the pending one, has taken.
    fn fetching(&mut self, fetch: PendingFetch) -> &mut Fetching {
        let new = || Box::new(Fetching::new(fetch));
        self.fetching.get_or_insert_with(new)
    }
}
