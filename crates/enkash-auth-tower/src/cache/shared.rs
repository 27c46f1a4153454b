//! What all handles of one cache share.
//!
//! 1. State and snapshot change together, under one lock; the landing of the flight that is on lies
//!    beside them.
//! 2. Under the lock nothing is awaited, read from a clock, drawn, spawned or woken, and nothing that
//!    may hold a value of the user's is dropped.

use std::time::Duration;

use enkash_auth_core::{
    AccessToken, AccountKey, Clock, Credentials, Error, ErrorKind, Grant, RefreshPolicy, Timestamp,
    account::AttemptId,
    state::{Decision, Flight, Outcome, State, Verdict},
};
use tokio::runtime::Handle;

use super::{
    Attached, Status, Waiting, attached::Registered, keeper::Keeper, reload::Reload,
    snapshot::Snapshot,
};
use crate::{
    attempts::{AccountCredentials, Attempts},
    endpoint::TokenEndpoint,
    flight::{self, Ending, Landed, Landing},
    meter,
    sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, Weak},
    time::Time,
};

/// Holds what all handles of one cache share.
#[derive(Debug)]
pub(crate) struct Shared {
    attempts: Arc<Attempts>,
    reload: Option<Reload>,
    policy: RefreshPolicy,
    clock: Time,
    pub(super) snapshot: Snapshot,
    books: Mutex<Books>,
    waiting: AtomicUsize,
    requests: AtomicU64,
    keeper: Keeper,
}

/// Holds what changes together, under one lock.
#[derive(Debug)]
struct Books {
    state: State,
    endpoint: TokenEndpoint,
    /// Where the waiters of the state's flight wait, while there is one.
    landing: Option<Arc<Landing>>,
}

/// A flight that has been abandoned, the account it was for, and where its waiters wait.
type Abandoned = (Flight, AccountKey, Option<Arc<Landing>>);

/// Names a flight to wait for.
pub(crate) struct Boarding {
    pub(crate) landing: Arc<Landing>,
    /// When to ask again, should it never land.
    pub(crate) overdue: Timestamp,
}

/// Tells a caller what the state says.
pub(crate) enum Asked {
    Token(AccessToken),
    Wait(Boarding),
}

/// Tells a call that needs a token what there is.
pub(crate) enum Started {
    Token(AccessToken),
    Waiting(Waiting),
    Failed(Error),
}

impl Shared {
    pub(crate) fn new(
        endpoint: TokenEndpoint,
        policy: RefreshPolicy,
        clock: Time,
        attempts: Arc<Attempts>,
        reload: Option<Reload>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            attempts,
            reload,
            policy,
            clock,
            snapshot: Snapshot::new(Registered::new(Weak::clone(own))),
            books: Mutex::new(Books {
                state: State::new(),
                endpoint,
                landing: None,
            }),
            waiting: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            keeper: Keeper::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> TokenEndpoint {
        self.books.lock().endpoint.clone()
    }

    pub(crate) fn attempts(&self) -> &Arc<Attempts> {
        &self.attempts
    }

    pub(crate) fn policy(&self) -> &RefreshPolicy {
        &self.policy
    }

    pub(crate) fn clock(&self) -> &Time {
        &self.clock
    }

    pub(crate) fn waiting(&self) -> &AtomicUsize {
        &self.waiting
    }

    /// Returns what to remember of a request that carries `token`.
    pub(crate) fn attached(&self, token: &AccessToken) -> Attached {
        self.snapshot.attached(token.generation())
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether `flight` is on, and not abandoned.
    pub(crate) fn is_on(&self, flight: Flight) -> bool {
        self.books.lock().state.flight() == Some(flight)
    }

    /// Returns the fetch that is in flight and not overdue.
    pub(super) fn pending(&self) -> Option<Boarding> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        let flight = books.state.flight()?;
        (!flight.overdue().has_passed(now)).then(|| books.board(flight))
    }

    /// Returns a token, or a place among the waiters.
    pub(crate) fn start(self: &Arc<Self>) -> Started {
        let boarding = match self.ask() {
            Ok(Asked::Token(token)) => return Started::Token(token),
            Ok(Asked::Wait(boarding)) => boarding,
            Err(error) => return Started::Failed(error),
        };
        match Waiting::new(Arc::clone(self), boarding) {
            Ok(waiting) => Started::Waiting(waiting),
            Err(error) => Started::Failed(error),
        }
    }

    /// Asks the snapshot, then the state, and launches the flight that it wants on the caller's
    /// runtime.
    pub(crate) fn ask(self: &Arc<Self>) -> Result<Asked, Error> {
        let now = self.clock.now();
        if let Some(current) = self.snapshot.load().as_deref()
            && current.is_fresh()
        {
            return Ok(Asked::Token(current.view().token().clone()));
        }
        let runtime = Handle::try_current().ok();
        let (asked, launch, left, old) = {
            let mut books = self.books.lock();
            let flight = books.state.flight();
            let Decision {
                verdict,
                launch,
                abandoned,
            } = books.state.ask(now, runtime.is_some(), &self.policy);
            let left = flight
                .filter(|_| abandoned)
                .map(|flight| books.leave(flight));
            let is_served = matches!(verdict, Verdict::Serve(_));
            let old = (is_served || abandoned || launch.is_some())
                .then(|| self.snapshot.publish(books.state.view(now), &self.clock));
            // Together with the decision: other credentials abandon the flight.
            let launch = launch.map(|flight| (flight, books.endpoint.clone()));
            let asked = match verdict {
                Verdict::Serve(token) => Ok(Asked::Token(token)),
                Verdict::Fail(error) => Err(error),
                Verdict::Wait(flight) => Ok(Asked::Wait(books.board(flight))),
            };
            (asked, launch, left, old)
        };
        drop(old);
        if let (Some((flight, endpoint)), Some(runtime)) = (launch, &runtime) {
            flight::launch(runtime, self, endpoint, flight);
            self.keeper.start(runtime, self, left.is_some());
        }
        if let Some(left) = left {
            let (flight, account, _) = &left;
            tracing::warn!(%account, flight = flight.number(), "token fetch overdue, abandoned");
            abandon(left);
        }
        asked
    }

    /// Lands `flight`, tells its waiters, and publishes what came of it: the token that the attempt
    /// `brought_by` obtained, if one came. Nothing, and `None`, where it has been abandoned.
    pub(crate) fn land(
        &self,
        flight: Flight,
        outcome: Outcome,
        brought_by: Option<AttemptId>,
    ) -> Option<Ending> {
        let jitter = fastrand::f64();
        // A copy: it may hold an error of the user's, which is dropped after the lock.
        let landed = outcome.clone();
        let (landing, error, before, after) = self.change(|books, now| {
            let before = books.state.generation();
            if !books
                .state
                .land(flight.number(), outcome, now, jitter, &self.policy)
            {
                return None;
            }
            let (error, after) = (books.state.error_at(now), books.state.generation());
            // Together with the token: the next flight must not take it for news.
            if matches!(landed, Outcome::Granted(..)) && error.is_none() {
                let account = books.endpoint.account_credentials();
                self.attempts.hold(account, brought_by);
            }
            Some((books.landing.take(), error, before, after))
        })?;
        let ending = Ending::new(&landed, error.as_ref(), before, after);
        drop(landed);
        if let Some(landing) = landing {
            landing.land(error.map_or(Landed::Ask, Landed::Failed));
        }
        Some(ending)
    }

    /// Records that `flight` was answered with `grant`. Returns how long to wait before asking again, if
    /// that is the token at hand and it has expired.
    pub(crate) fn answered(&self, flight: Flight, grant: &Grant) -> Option<Duration> {
        let now = self.clock.now();
        let (bearer, lifetime) = (grant.bearer(), grant.lifetime());
        let mut books = self.books.lock();
        books
            .state
            .answered(flight.number(), bearer, lifetime, now, &self.policy)
    }

    /// Records that the API refused the token of `generation`, and fetches another if that is news.
    pub(crate) fn refuse(self: &Arc<Self>, generation: u64) {
        let is_news = self.change(|books, now| books.state.refuse(generation, now).then_some(()));
        if is_news.is_some() {
            tracing::debug!(generation, "token refused by the api");
            // Launches the flight; whatever needs its token asks for it.
            drop(self.ask());
        }
    }

    /// Uses `credentials` from now on. `instead_of`: only if those are in use still. Returns
    /// whether they are others, and used.
    pub(super) fn change_credentials(
        &self,
        credentials: Credentials,
        instead_of: Option<&AccountCredentials>,
    ) -> Result<bool, Error> {
        // Swapped with the old one, which is dropped after the lock.
        let mut endpoint = self.endpoint().with_credentials(credentials)?;
        let changed = self.change(|books, _| {
            let used = books.endpoint.account_credentials();
            let is_late = instead_of.is_some_and(|old| !old.is(used));
            // A fetch with the same ones may be on: it is not made twice.
            if is_late || endpoint.account_credentials().is(used) {
                return None;
            }
            let keeps_token = endpoint.credentials().act_as(books.endpoint.credentials());
            let left = books.state.flight().map(|flight| books.leave(flight));
            books.state.change_credentials(keeps_token);
            std::mem::swap(&mut books.endpoint, &mut endpoint);
            Some(left)
        });
        let Some(left) = changed else {
            return Ok(false);
        };
        if let Some(left) = left {
            abandon(left);
        }
        Ok(true)
    }

    /// Looks for other credentials in place of those that were rejected, and uses them from now on.
    pub(crate) async fn reload(&self, rejected: &AccountCredentials) {
        if let Some(reload) = &self.reload {
            reload.apply(self, rejected).await;
        }
    }

    /// Forgets the strikes of the account in the store, and the pause after them.
    pub(super) async fn reset(&self, allow_rejected: bool) -> Result<(), Error> {
        on_runtime()?;
        let account = self.endpoint().account();
        self.attempts.reset(account, allow_rejected).await?;
        self.change(|books, _| {
            books.state.forgive();
            Some(())
        });
        Ok(())
    }

    /// Looks at the record of the account in the store.
    pub(super) async fn look(&self) -> Result<(), Error> {
        on_runtime()?;
        self.attempts.look(self.endpoint().account()).await
    }

    /// Returns how long the refresh task need not ask: zero for now, `None` while a flight is on.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let now = self.clock.now();
        let books = self.books.lock();
        match books.state.flight() {
            Some(flight) if !flight.overdue().has_passed(now) => None,
            Some(_) => Some(Duration::ZERO),
            None => books
                .state
                .next_look_unasked(now, &self.policy)
                .map_or(Some(Duration::MAX), |look| Some(look.remaining(now))),
        }
    }

    /// Changes what is under the lock, and publishes it unless `change` returns `None`.
    fn change<T>(&self, change: impl FnOnce(&mut Books, Timestamp) -> Option<T>) -> Option<T> {
        let now = self.clock.now();
        let (changed, old) = {
            let mut books = self.books.lock();
            // What is displaced may hold an error of the user's: it goes after the lock.
            let state = books.state.clone();
            let changed = change(&mut books, now);
            let view = changed
                .as_ref()
                .map(|_| self.snapshot.publish(books.state.view(now), &self.clock));
            (changed, (state, view))
        };
        drop(old);
        changed
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.clock.now();
        let (state, account) = {
            let books = self.books.lock();
            (books.state.clone(), books.endpoint.account())
        };
        Status::new(
            &state,
            now,
            self.waiting.load(Ordering::Relaxed),
            self.requests.load(Ordering::Relaxed),
            &self.attempts.facts(account),
        )
    }
}

impl Books {
    /// Returns where to wait for `flight`, which is on.
    fn board(&mut self, flight: Flight) -> Boarding {
        Boarding {
            landing: Arc::clone(self.landing.get_or_insert_with(Landing::new)),
            overdue: flight.overdue(),
        }
    }

    /// Abandons `flight`, which is on.
    fn leave(&mut self, flight: Flight) -> Abandoned {
        (flight, self.endpoint.account(), self.landing.take())
    }
}

/// Has the waiters of a flight ask again.
fn abandon((flight, account, landing): Abandoned) {
    if let Some(landing) = landing {
        landing.land(Landed::Ask);
    }
    // Last: the user's recorder may take its time.
    meter::fetched(account, flight.reason(), meter::ABANDONED, None);
}

fn on_runtime() -> Result<(), Error> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::NoRuntime, "")),
    }
}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/cache/mod.rs"]
mod model;
