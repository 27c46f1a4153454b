use std::time::Duration;

use enkash_auth_core::{
    Error, ErrorKind, Grant,
    state::{Flight, Outcome},
    strikes::Settlement,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::ledger::{self, Begin, Holder, Leave};
use crate::{
    BoxError,
    cache::Shared,
    endpoint::{Exchanged, Failure},
};

/// The pauses between the attempts of one flight: three attempts, so that a blip stays invisible.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// How long a flight waits at most for the moment at which a sticky issuer has the next token.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How often a flight looks whether another cache's attempt has ended.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// The fetch of one flight.
pub(super) struct Fetch<'a> {
    shared: &'a Shared,
    flight: Flight,
    /// Counted from the launch: a task may be polled much later, or never.
    deadline: Instant,
}

/// What one attempt came to.
struct Attempted {
    result: Result<Grant, Error>,
    /// Whether another one may follow in the same flight: nothing was sent, or the server said 429
    /// or 5xx.
    again: bool,
}

impl<'a> Fetch<'a> {
    pub(super) fn new(shared: &'a Shared, flight: Flight, deadline: Instant) -> Self {
        Self {
            shared,
            flight,
            deadline,
        }
    }

    /// Makes the attempts of the flight. Ends by itself at the deadline.
    ///
    /// Dropping it while an attempt is on leaves that attempt on the record as interrupted.
    pub(super) async fn run(self) -> Outcome {
        if let Some(at) = self.flight.not_before() {
            let early = at.remaining(self.shared.clock().now());
            sleep(early.min(LONGEST_WAIT)).await;
        }
        let again = self.shared.policy().attempts.saturating_sub(1);
        let mut pauses = PAUSES
            .into_iter()
            .take(usize::try_from(again).unwrap_or(usize::MAX));
        loop {
            let leave = match self.leave().await {
                Ok(leave) => leave,
                Err(error) => return Outcome::Failed(error),
            };
            let Attempted { result, again } = self.attempt(leave).await;
            let error = match result {
                Ok(grant) => match self.shared.hand_over(self.flight, &grant) {
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
                .filter(|pause| again && self.fits(*pause, &error));
            let Some(pause) = pause else {
                return Outcome::Failed(error);
            };
            tracing::debug!(%error, ?pause, "token request failed, trying again");
            sleep(pause).await;
        }
    }

    /// Waits until no other cache's attempt is on, and takes leave for one.
    async fn leave(&self) -> Result<Leave, Error> {
        let shared = self.shared;
        let holder = Holder {
            cache: shared.number(),
            flight: self.flight.number(),
        };
        loop {
            if Instant::now() >= self.deadline || !shared.is_on(self.flight) {
                return Err(ledger::abandoned());
            }
            let now = shared.clock().now();
            match ledger::begin(shared.endpoint(), holder, now, shared.policy()) {
                Begin::Granted(leave) => return Ok(leave),
                Begin::Denied(error) => return Err(error),
                Begin::Busy if Instant::now() + BUSY_POLL < self.deadline => sleep(BUSY_POLL).await,
                Begin::Busy => {
                    let detail = "another fetch for the same account did not end in time";
                    return Err(Error::new(ErrorKind::Unavailable, detail));
                }
            }
        }
    }

    /// Sends the password once.
    async fn attempt(&self, leave: Leave) -> Attempted {
        let (shared, endpoint) = (self.shared, self.shared.endpoint());
        shared.count_request();
        let service =
            endpoint.service(Handle::current().id(), self.flight.needs_fresh_connection());
        let exchanged = match endpoint.request() {
            Ok(request) => {
                let clock = shared.clock_handle();
                service.exchange(request, clock, self.deadline).await
            }
            Err(error) => Err(Failure::NotSent(error.into())),
        };
        let (result, settlement, again) = match exchanged {
            Ok(Exchanged { sent, answer }) => match answer.read(sent, endpoint.credentials()) {
                Ok(grant) => (Ok(grant), Settlement::Granted, false),
                Err(error) => {
                    let settlement = Settlement::of_answer(&error);
                    let again = error.kind() == ErrorKind::Unavailable;
                    (Err(error), settlement, again)
                }
            },
            Err(Failure::NotSent(source)) => (Err(not_sent(source)), Settlement::Harmless, true),
            Err(Failure::Interrupted(source)) => {
                let error = interrupted(source, leave.is_proven());
                (Err(error), Settlement::Interrupted, false)
            }
        };
        leave.settle(settlement);
        Attempted { result, again }
    }

    fn fits(&self, pause: Duration, error: &Error) -> bool {
        let patient = error.retry_after().is_none_or(|after| after <= pause);
        patient && Instant::now() + pause < self.deadline
    }
}

fn granted(grant: &Grant) -> Outcome {
    if grant.is_unit_guessed() {
        tracing::warn!("the expiry of the token is in no documented unit, its size decided");
    }
    Outcome::Granted(grant.bearer().clone(), *grant.lifetime())
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
