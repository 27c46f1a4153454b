use std::{sync::Arc, time::Duration};

use enkash_auth_core::{
    Clock, Error, ErrorKind, Grant, RefreshPolicy,
    state::{Flight, Outcome},
    strikes::Settlement,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::ledger::{self, Begin, Leave};
use crate::{
    BoxError,
    endpoint::{Exchange, Exchanged, Failure, TokenEndpoint},
    sync::{AtomicU64, Ordering},
};

/// The pauses between the attempts of one flight: three attempts, so that a blip stays invisible.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// How often a flight looks whether another cache's attempt has ended.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// What one flight needs to know.
pub(crate) struct Fetch<'a> {
    pub(crate) endpoint: &'a TokenEndpoint,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) policy: &'a RefreshPolicy,
    /// Names the cache before the ledger.
    pub(crate) holder: u64,
    /// Counts the token requests.
    pub(crate) requests: &'a AtomicU64,
}

/// What one attempt came to.
struct Attempted {
    result: Result<Grant, Error>,
    /// Whether another one may follow in the same flight: nothing was sent, or the server said 429
    /// or 5xx.
    again: bool,
}

impl Fetch<'_> {
    /// Makes the attempts of `flight`. Ends by itself within the policy's fetch timeout.
    ///
    /// Dropping it while an attempt is on leaves that attempt on the record as interrupted.
    pub(crate) async fn run(self, flight: Flight) -> Outcome {
        let in_doubt = flight.needs_fresh_connection();
        let service = self.endpoint.service(Handle::current().id(), in_doubt);
        let deadline = Instant::now() + self.policy.fetch_timeout;
        let mut pauses = PAUSES.into_iter();
        loop {
            let leave = match self.leave(deadline).await {
                Ok(leave) => leave,
                Err(error) => return Outcome::Failed(error),
            };
            let Attempted { result, again } = self.attempt(leave, &*service, deadline).await;
            let error = match result {
                Ok(grant) => return granted(&grant),
                Err(error) => error,
            };
            let Some(pause) = pauses
                .next()
                .filter(|pause| again && fits(*pause, &error, deadline))
            else {
                return Outcome::Failed(error);
            };
            tracing::debug!(%error, ?pause, "token request failed, trying again");
            sleep(pause).await;
        }
    }

    /// Waits until no other cache's attempt is on, and takes leave for one.
    async fn leave(&self, deadline: Instant) -> Result<Leave, Error> {
        loop {
            let after = self.policy.retry_unresolved_after;
            match ledger::begin(self.endpoint, self.holder, self.clock.now(), after) {
                Begin::Granted(leave) => return Ok(leave),
                Begin::Denied(error) => return Err(error),
                Begin::Busy if Instant::now() + BUSY_POLL < deadline => sleep(BUSY_POLL).await,
                Begin::Busy => {
                    let detail = "another fetch for the same account did not end in time";
                    return Err(Error::new(ErrorKind::Unavailable, detail));
                }
            }
        }
    }

    /// Sends the password once.
    async fn attempt(&self, leave: Leave, service: &dyn Exchange, deadline: Instant) -> Attempted {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let exchanged = match self.endpoint.request() {
            Ok(request) => {
                service
                    .exchange(request, Arc::clone(self.clock), deadline)
                    .await
            }
            Err(error) => Err(Failure::NotSent(error.into())),
        };
        let (result, settlement, again) = match exchanged {
            Ok(Exchanged { sent, answer }) => {
                match answer.read(sent, self.endpoint.credentials()) {
                    Ok(grant) => (Ok(grant), Settlement::Granted, false),
                    Err(error) => {
                        let settlement = Settlement::of_answer(&error);
                        let again = error.kind() == ErrorKind::Unavailable;
                        (Err(error), settlement, again)
                    }
                }
            }
            Err(Failure::NotSent(source)) => (Err(not_sent(source)), Settlement::Harmless, true),
            Err(Failure::Interrupted(source)) => {
                let error = interrupted(source, leave.is_proven());
                (Err(error), Settlement::Interrupted, false)
            }
        };
        leave.settle(settlement);
        Attempted { result, again }
    }
}

fn granted(grant: &Grant) -> Outcome {
    if grant.is_unit_guessed() {
        tracing::warn!("the expiry of the token is in no documented unit, its size decided");
    }
    Outcome::Granted(grant.bearer().clone(), *grant.lifetime())
}

fn fits(pause: Duration, error: &Error, deadline: Instant) -> bool {
    let patient = error.retry_after().is_none_or(|after| after <= pause);
    patient && Instant::now() + pause < deadline
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
