//! What all handles of one cache share.
//!
//! 1. State and snapshot change together, under one lock; the landing of the flight that is on lies
//!    beside them.
//! 2. Under the lock nothing is awaited, read from a clock, drawn, spawned or woken, and nothing that
//!    may hold a value of the user's is dropped.

use std::time::Duration;

use enkash_auth_core::{
    AccessToken, Clock, Error, Moment, RefreshPolicy,
    state::{Decision, Flight, Outcome, State, Verdict},
};
use tokio::runtime::Handle;

use super::{Status, Waiting, keeper::Keeper, snapshot::Snapshot};
use crate::{
    endpoint::TokenEndpoint,
    flight::{self, Landed, Landing},
    sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering},
};

#[derive(Debug)]
pub(crate) struct Shared {
    endpoint: TokenEndpoint,
    policy: RefreshPolicy,
    clock: Arc<dyn Clock>,
    /// Names this cache before the ledger.
    number: u64,
    snapshot: Snapshot,
    books: Mutex<Books>,
    waiting: AtomicUsize,
    requests: AtomicU64,
    keeper: Keeper,
}

#[derive(Debug, Default)]
struct Books {
    state: State,
    /// Where the waiters of the state's flight wait, while there is one.
    landing: Option<Arc<Landing>>,
}

/// A flight to wait for.
pub(crate) struct Boarding {
    pub(crate) landing: Arc<Landing>,
    /// When to ask again, should it never land.
    pub(crate) overdue: Moment,
}

/// What there is for somebody who needs a token.
pub(crate) enum Started {
    Token(AccessToken),
    Waiting(Waiting),
    Failed(Error),
}

/// What the state says to somebody who asks.
pub(crate) enum Asked {
    Token(AccessToken),
    Wait(Boarding),
}

impl Shared {
    pub(crate) fn new(
        endpoint: TokenEndpoint,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        static CACHES: AtomicU64 = AtomicU64::new(0);
        Self {
            endpoint,
            policy,
            clock,
            number: CACHES.fetch_add(1, Ordering::Relaxed),
            snapshot: Snapshot::default(),
            books: Mutex::default(),
            waiting: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            keeper: Keeper::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> &TokenEndpoint {
        &self.endpoint
    }

    pub(crate) fn policy(&self) -> &RefreshPolicy {
        &self.policy
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn waiting(&self) -> &AtomicUsize {
        &self.waiting
    }

    /// The clock, to be kept.
    pub(crate) fn clock_handle(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// What names this cache before the ledger.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether `flight` is on, and not abandoned.
    pub(crate) fn is_on(&self, flight: Flight) -> bool {
        self.books.lock().state.flight() == Some(flight)
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
            && !current.view.until().is_over(now)
        {
            return Ok(Asked::Token(current.view.token().clone()));
        }
        let runtime = Handle::try_current().ok();
        let (asked, launch, left, old) = {
            let mut books = self.books.lock();
            let Decision {
                verdict,
                launch,
                abandoned,
            } = books.state.ask(now, runtime.is_some(), &self.policy);
            let left = books.landing.take_if(|_| abandoned);
            let is_served = matches!(verdict, Verdict::Serve(_));
            let old = (is_served || abandoned || launch.is_some())
                .then(|| self.snapshot.publish(books.state.view(now)));
            (books.answer(verdict), launch, left, old)
        };
        drop(old);
        if let (Some(flight), Some(runtime)) = (launch, &runtime) {
            flight::launch(runtime, self, flight);
            self.keeper.start(runtime, self);
        }
        if let Some(landing) = left {
            tracing::warn!(account = %self.endpoint.account(), "token fetch overdue, abandoned");
            landing.land(Landed::Ask);
        }
        asked
    }

    /// Lands `flight`, tells its waiters, and publishes what came of it. Nothing where it has been
    /// abandoned.
    pub(crate) fn land(&self, flight: Flight, outcome: Outcome) {
        let (now, draw) = (self.clock.now(), fastrand::f64());
        let (landing, landed, old) = {
            let mut books = self.books.lock();
            // What is displaced may hold an error of the user's: it goes after the lock.
            let old = (books.state.clone(), outcome.clone());
            if !books
                .state
                .land(flight.number(), outcome, now, draw, &self.policy)
            {
                drop(books);
                return;
            }
            let view = self.snapshot.publish(books.state.view(now));
            let landed = books
                .state
                .error_at(now)
                .map_or(Landed::Ask, Landed::Failed);
            (books.landing.take(), landed, (old, view))
        };
        drop(old);
        if let Some(landing) = landing {
            landing.land(landed);
        }
    }

    /// How long there is nothing to decide: zero when there is now. While a flight is on, nobody
    /// knows.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let now = self.clock.now();
        let books = self.books.lock();
        match books.state.flight() {
            Some(flight) if !flight.overdue().is_over(now) => None,
            _ => Some(
                books
                    .state
                    .next_look(now)
                    .map_or(Duration::ZERO, |look| look.remaining(now)),
            ),
        }
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.clock.now();
        let state = self.books.lock().state.clone();
        Status::new(
            &state,
            now,
            self.waiting.load(Ordering::Relaxed),
            self.requests.load(Ordering::Relaxed),
            flight::strikes(self.endpoint.account()),
        )
    }
}

impl Books {
    fn answer(&mut self, verdict: Verdict) -> Result<Asked, Error> {
        match verdict {
            Verdict::Serve(token) => Ok(Asked::Token(token)),
            Verdict::Fail(error) => Err(error),
            Verdict::Wait(flight) => Ok(Asked::Wait(Boarding {
                landing: Arc::clone(self.landing.get_or_insert_with(Landing::new)),
                overdue: flight.overdue(),
            })),
        }
    }
}
