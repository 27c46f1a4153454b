use std::time::Duration;

use enkash_auth_core::{
    Error, ErrorKind, Grant,
    state::{Flight, Outcome},
    strikes::{Bid, Holder, Settlement, given_up},
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::gate::{Applicant, Passed, Permit};
use crate::{
    BoxError,
    cache::Shared,
    endpoint::{Exchanged, Failure, TokenEndpoint},
    meter,
    store::{Edition, StoredToken},
};

/// The pauses between the attempts of one flight: three attempts, so that a blip stays invisible.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// How long a flight waits at most for the moment at which a sticky issuer has the next token.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How often a flight looks whether another cache's attempt has ended, give or take a quarter.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// The gate is asked less often than this in one flight, which takes seconds.
const ASKED_MOST: u64 = 1 << 16;

/// The fetch of one flight.
pub(super) struct Fetch<'a> {
    shared: &'a Shared,
    /// As it was at the launch: the cache may have other credentials by now.
    endpoint: &'a TokenEndpoint,
    flight: Flight,
    /// Counted from the launch: a task may be polled much later, or never.
    deadline: Instant,
    /// The newest token that it has seen: at first that of the cache, in the end that which it brings.
    known: Option<Edition>,
    /// How often the gate was asked.
    asked: u64,
}

/// What one attempt came to.
struct Attempted {
    result: Result<Came, Error>,
    /// Whether another one may follow in the same flight: nothing was sent, or the server said 429
    /// or 5xx.
    may_follow: bool,
}

/// What there is instead of waiting.
enum Turn {
    Attempt(Permit),
    /// Somebody else has brought it.
    Token(StoredToken),
}

/// A token that came.
enum Came {
    FromServer(Grant),
    FromStore(StoredToken),
}

impl<'a> Fetch<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        endpoint: &'a TokenEndpoint,
        flight: Flight,
        deadline: Instant,
    ) -> Self {
        Self {
            shared,
            endpoint,
            flight,
            deadline,
            known: shared.gate().held(endpoint.principal()),
            asked: 0,
        }
    }

    /// Which token it has brought, where it is one of the store.
    pub(super) fn edition(&self) -> Option<Edition> {
        self.known
    }

    /// Makes the attempts of the flight. Ends by itself at the deadline.
    ///
    /// Dropping it while an attempt is on leaves that attempt on the record as interrupted.
    pub(super) async fn run(&mut self) -> Outcome {
        if let Some(at) = self.flight.not_before() {
            let early = at.remaining(self.shared.clock().now());
            sleep(early.min(LONGEST_WAIT)).await;
        }
        let more = self.shared.policy().attempts.saturating_sub(1);
        let mut pauses = PAUSES
            .into_iter()
            .take(usize::try_from(more).unwrap_or(usize::MAX));
        loop {
            let Attempted { result, may_follow } = match self.turn().await {
                Ok(Turn::Attempt(permit)) => self.attempt(permit).await,
                Ok(Turn::Token(token)) => return kept(&token),
                Err(error) => return Outcome::Failed(error),
            };
            let error = match result {
                Ok(Came::FromStore(token)) => return kept(&token),
                Ok(Came::FromServer(grant)) => match self.shared.answered(self.flight, &grant) {
                    Some(pause) if Instant::now() + pause < self.deadline => {
                        sleep(pause).await;
                        continue;
                    }
                    _ => return granted(&grant),
                },
                Err(error) => error,
            };
            let pause = pauses
                .next()
                .filter(|pause| may_follow && self.fits(*pause, &error));
            let Some(pause) = pause else {
                return Outcome::Failed(error);
            };
            tracing::debug!(%error, ?pause, "token request failed, trying again");
            sleep(pause).await;
        }
    }

    /// Waits until nobody else's attempt is on, and takes leave for one, unless that attempt has
    /// brought a token.
    async fn turn(&mut self) -> Result<Turn, Error> {
        let mut again = false;
        loop {
            if self.is_given_up() {
                let is_on = self.shared.is_on(self.flight);
                return Err(if again && is_on { busy() } else { given_up() });
            }
            let pause = spread(BUSY_POLL);
            let who = self.applicant();
            match self.shared.gate().pass(&who, again, &mut self.known).await {
                Passed::Permit(permit) if self.is_given_up() => {
                    // Meanwhile: a store takes its time.
                    self.settle(permit, Settlement::Harmless, None).await;
                    return Err(given_up());
                }
                Passed::Permit(permit) => return Ok(Turn::Attempt(permit)),
                Passed::Token(token) => return Ok(Turn::Token(token)),
                Passed::Denied(error) => return Err(error),
                Passed::Busy if Instant::now() + pause < self.deadline => sleep(pause).await,
                Passed::Busy => return Err(busy()),
            }
            again = true;
        }
    }

    /// Sends the password once.
    async fn attempt(&mut self, permit: Permit) -> Attempted {
        let (shared, endpoint) = (self.shared, self.endpoint);
        shared.count_request();
        meter::asked(endpoint.account());
        let service =
            endpoint.service(Handle::current().id(), self.flight.needs_fresh_connection());
        let exchanged = match endpoint.request() {
            Ok(request) => {
                let clock = shared.clock_handle();
                service.exchange(request, clock, self.deadline).await
            }
            Err(error) => Err(Failure::NotSent(error.into())),
        };
        let (result, settlement, may_follow) = match exchanged {
            Ok(Exchanged { sent, answer }) => {
                meter::skewed(endpoint.account(), answer.exchange(sent).clock_skew());
                match answer.read(sent, endpoint.credentials()) {
                    Ok(grant) => (Ok(grant), Settlement::Granted, false),
                    Err(error) => {
                        let settlement = Settlement::of_answer(&error);
                        let may_follow = error.kind() == ErrorKind::Unavailable;
                        (Err(error), settlement, may_follow)
                    }
                }
            }
            Err(Failure::NotSent(source)) => (Err(not_sent(source)), Settlement::Harmless, true),
            Err(Failure::Interrupted(source)) => {
                let error = interrupted(source, permit.is_proven());
                (Err(error), Settlement::Interrupted, false)
            }
        };
        let grant = result.as_ref().ok();
        let result = match self.settle(permit, settlement, grant).await {
            Some(token) => Ok(Came::FromStore(token)),
            None => result.map(Came::FromServer),
        };
        Attempted { result, may_follow }
    }

    async fn settle(
        &mut self,
        permit: Permit,
        settlement: Settlement,
        grant: Option<&Grant>,
    ) -> Option<StoredToken> {
        let (gate, who) = (self.shared.gate(), self.applicant());
        gate.settle(&who, permit, settlement, grant, &mut self.known)
            .await
    }

    fn is_given_up(&self) -> bool {
        Instant::now() >= self.deadline || !self.shared.is_on(self.flight)
    }

    /// Each has a number of its own before the store: one that was on its way for long must not take
    /// the lease from its successor.
    fn applicant(&mut self) -> Applicant<'a> {
        let nth = self.asked;
        self.asked += 1;
        let first = self.flight.number().saturating_mul(ASKED_MOST);
        let number = first.saturating_add(nth.min(ASKED_MOST - 1));
        let holder = Holder::new(self.shared.number(), number);
        Applicant {
            principal: self.endpoint.principal(),
            bid: Bid::new(holder, self.shared.policy()),
            clock: self.shared.clock(),
            policy: self.shared.policy(),
        }
    }

    fn fits(&self, pause: Duration, error: &Error) -> bool {
        let patient = error.retry_after().is_none_or(|after| after <= pause);
        patient && Instant::now() + pause < self.deadline
    }
}

fn kept(token: &StoredToken) -> Outcome {
    Outcome::Granted(token.bearer().clone(), *token.lifetime())
}

fn granted(grant: &Grant) -> Outcome {
    if grant.is_unit_guessed() {
        tracing::warn!("the expiry of the token is in no documented unit, its size decided");
    }
    Outcome::Granted(grant.bearer().clone(), *grant.lifetime())
}

fn busy() -> Error {
    let detail = "another fetch for the same account did not end in time";
    Error::new(ErrorKind::Unavailable, detail)
}

fn not_sent(source: BoxError) -> Error {
    Error::new(ErrorKind::Unavailable, "no connection; nothing was sent").with_source(source)
}

/// Credentials that have succeeded before are not to blame for a connection that broke.
fn interrupted(source: BoxError, proven: bool) -> Error {
    let kind = if proven {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Unresolved
    };
    Error::new(kind, "no answer after the request was sent").with_source(source)
}

/// Up to a quarter shorter or longer, so that those who wait do not come all at once.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}
