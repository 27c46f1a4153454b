//! What all handles of one cache share.
//!
//! 1. State and snapshot change together, under one lock; the landing of the flight that is on lies
//!    beside them.
//! 2. Under the lock nothing is awaited, read from a clock, drawn, spawned or woken, and nothing that
//!    may hold a value of the user's is dropped.

use std::time::Duration;

use enkash_auth_core::{
    AccessToken, AccountKey, Clock, Error, Grant, RefreshPolicy,
    account::AttemptId,
    state::{Decision, Flight, Outcome, State, Verdict},
};
use tokio::runtime::Handle;

use super::{
    Attached, Status, Waiting,
    books::{Asked, Boarding, Books},
    keeper::Keeper,
    registry::Registered,
    reload::Reload,
    snapshot::Snapshot,
};
use crate::{
    attempts::Attempts,
    endpoint::TokenEndpoint,
    flight::{self, Ending, Landed, Landing},
    meter,
    sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, Weak},
    time::Time,
};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) attempts: Arc<Attempts>,
    pub(super) reload: Option<Reload>,
    pub(super) policy: RefreshPolicy,
    pub(super) clock: Time,
    pub(super) snapshot: Snapshot,
    pub(super) books: Mutex<Books>,
    waiting: AtomicUsize,
    requests: AtomicU64,
    keeper: Keeper,
}

/// What there is for somebody who needs a token.
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

    pub(crate) fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    /// The clock, to be kept.
    pub(crate) fn clock_handle(&self) -> Time {
        self.clock.clone()
    }

    pub(crate) fn waiting(&self) -> &AtomicUsize {
        &self.waiting
    }

    /// What to remember of a request that carries `token`.
    pub(crate) fn attached(&self, token: &AccessToken) -> Attached {
        self.snapshot.attached(token.generation())
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether `flight` is on, and not abandoned.
    pub(crate) fn is_on(&self, flight: Flight) -> bool {
        self.books.lock().state.flight() == Some(flight)
    }

    /// The fetch that is in flight and not overdue.
    pub(super) fn pending(&self) -> Option<Boarding> {
        let now = self.clock.now();
        let mut books = self.books.lock();
        let flight = books.state.flight()?;
        (!flight.overdue().is_over(now)).then(|| books.board(flight))
    }

    /// A token, or a place among those who wait for one.
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
                .map(|flight| (flight, books.endpoint.account(), books.landing.take()));
            let is_served = matches!(verdict, Verdict::Serve(_));
            let old = (is_served || abandoned || launch.is_some())
                .then(|| self.snapshot.publish(books.state.view(now), &self.clock));
            // Together with the decision: other credentials abandon the flight.
            let launch = launch.map(|flight| (flight, books.endpoint.clone()));
            (books.answer(verdict), launch, left, old)
        };
        drop(old);
        if let (Some((flight, endpoint)), Some(runtime)) = (launch, &runtime) {
            flight::launch(runtime, self, endpoint, flight);
            self.keeper.start(runtime, self, left.is_some());
        }
        if let Some((flight, account, landing)) = left {
            tracing::warn!(%account, flight = flight.number(), "token fetch overdue, abandoned");
            self.abandon(flight, account, landing);
        }
        asked
    }

    /// `flight` is abandoned: whoever waits at `landing` asks again.
    pub(super) fn abandon(
        &self,
        flight: Flight,
        account: AccountKey,
        landing: Option<Arc<Landing>>,
    ) {
        if let Some(landing) = landing {
            landing.land(Landed::Ask);
        }
        // Last: the user's recorder may take its time.
        meter::fetched(account, flight.reason(), meter::ABANDONED, None);
    }

    /// Lands `flight`, tells its waiters, and publishes what came of it: the token of `edition`, if one
    /// came. Nothing, and `None`, where it has been abandoned.
    pub(crate) fn land(
        &self,
        flight: Flight,
        outcome: Outcome,
        brought_by: Option<AttemptId>,
    ) -> Option<Ending> {
        let (now, draw) = (self.clock.now(), fastrand::f64());
        let (landing, error, generation, old) = {
            let mut books = self.books.lock();
            // What is displaced may hold an error of the user's: it goes after the lock.
            let old = (books.state.clone(), outcome.clone());
            if !books
                .state
                .land(flight.number(), outcome, now, draw, &self.policy)
            {
                drop(books);
                return None;
            }
            let view = self.snapshot.publish(books.state.view(now), &self.clock);
            let (error, generation) = (books.state.error_at(now), books.state.generation());
            // Together with the token: the next flight must not take it for news.
            if matches!(old.1, Outcome::Granted(..)) && error.is_none() {
                self.attempts
                    .hold(books.endpoint.account_credentials(), brought_by);
            }
            (books.landing.take(), error, generation, (old, view))
        };
        let ((state, outcome), view) = old;
        let ending = Ending::new(&outcome, error.as_ref(), state.generation(), generation);
        drop((state, outcome, view));
        if let Some(landing) = landing {
            landing.land(error.map_or(Landed::Ask, Landed::Failed));
        }
        Some(ending)
    }

    /// `flight` was answered with `grant`: how long to wait before asking again, where that is the
    /// token at hand and it is over.
    pub(crate) fn answered(&self, flight: Flight, grant: &Grant) -> Option<Duration> {
        let now = self.clock.now();
        let (bearer, lifetime) = (grant.bearer(), grant.lifetime());
        let mut books = self.books.lock();
        books
            .state
            .answered(flight.number(), bearer, lifetime, now, &self.policy)
    }

    /// The API refused the token of `generation`: another one is fetched, if that is news.
    pub(crate) fn refuse(self: &Arc<Self>, generation: u64) {
        let now = self.clock.now();
        let old = {
            let mut books = self.books.lock();
            if !books.state.refuse(generation, now) {
                return;
            }
            self.snapshot.publish(books.state.view(now), &self.clock)
        };
        drop(old);
        tracing::debug!(generation, "token refused by the api");
        // Launches the flight; whoever needs its token asks for it.
        drop(self.ask());
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
