use std::time::Duration;

use enkash_auth_core::{
    Clock, Grant, Timestamp,
    account::{Acquire, AttemptId, AttemptOutcome, Lease},
    state::{FetchOutcome, PendingFetch},
};
use tokio::time::{Instant, sleep};

use super::Shared;
use crate::{
    BoxError, Error, ErrorKind,
    attempts::{FetchContext, Permit},
    endpoint::{Exchanged, Failure, TokenEndpoint},
};

/// Delays the second and third attempt of a fetch: three attempts hide a short fault.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// Sets the shortest pause after which a fetch polls for the end of another fetch's attempt. The next ones are as long as
/// that attempt is old; all with a jitter of a quarter.
const FIRST_POLL: Duration = Duration::from_millis(75);

/// Limits the age of an attempt that is polled like that.
const YOUNG: Duration = Duration::from_secs(1);

/// Sets the pause for an older one: in a fetch, a thousand replicas that wait for one that hangs make 200 calls of the
/// store a second, or fewer.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// Sets how long before its deadline a fetch polls once more.
const LAST_POLL: Duration = Duration::from_millis(75);

/// Limits by how much a poll is late that is made because a lease has passed: a thousand replicas do not make it at once.
const LEASE_JITTER: Duration = Duration::from_secs(1);

/// Limits these pauses while the attempt is one of this process. Of its caches, few wait for one account.
const OWN_POLL: Duration = Duration::from_secs(1);

/// Limits the wait for a response to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Fetches a token once: up to three attempts, each with a permit.
pub struct Fetch<'a> {
    shared: &'a Shared,
    /// As of the start of the fetch: the cache may have newer credentials.
    endpoint: &'a TokenEndpoint,
    pending: PendingFetch,
    deadline: Instant,
    /// The same on both clocks: no attempt is sent once it has passed on either.
    send_before: Timestamp,
    /// The newest token of the store that it has seen: at first the cached one, at the end the one that it
    /// returns.
    newest_seen: Option<AttemptId>,
}

/// Holds the result of one attempt.
struct Sent {
    result: Result<Grant, Error>,
    outcome: AttemptOutcome,
    may_repeat: bool,
    /// The wait until the issuer has the next token: the one received is about to expire.
    repeat_after: Option<Duration>,
}

impl<'a> Fetch<'a> {
    pub fn new(
        shared: &'a Shared,
        endpoint: &'a TokenEndpoint,
        pending: PendingFetch,
        deadline: Instant,
    ) -> Self {
        Self {
            shared,
            endpoint,
            pending,
            deadline,
            send_before: shared.clock().now() + shared.policy().fetch_timeout,
            newest_seen: shared.obtained_by(),
        }
    }

    /// Returns the attempt that obtained the token, if the store has it.
    pub fn obtained_by(&self) -> Option<AttemptId> {
        self.newest_seen
    }

    /// Makes the attempts of the fetch. Ends at the deadline.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while an attempt is in flight, that counts as one without a response.
    pub async fn run(&mut self) -> FetchOutcome<Error> {
        let more = self.shared.policy().attempts.saturating_sub(1);
        let mut pauses = PAUSES
            .into_iter()
            .take(usize::try_from(more).unwrap_or(usize::MAX));
        loop {
            let permit = match self.acquire().await {
                Ok(permit) => permit,
                Err(outcome) => return outcome,
            };
            let sent = self.send(&permit).await;
            let pause = match &sent.result {
                Err(error) if sent.may_repeat => {
                    pauses.next().filter(|pause| self.fits(*pause, error))
                }
                _ => None,
            };
            if let (Err(error), Some(pause)) = (&sent.result, pause) {
                tracing::debug!(%error, ?pause, "token request failed, retrying");
                // The write that opens the next attempt ends this one.
                let attempts = self.shared.attempts();
                attempts.end(self.endpoint.account(), permit, sent.outcome);
                sleep(pause).await;
                continue;
            }
            let is_accepted = self.record(permit, &sent).await;
            match (sent.result, sent.repeat_after) {
                (_, Some(pause)) if Instant::now() + pause < self.deadline => sleep(pause).await,
                (Ok(grant), _) if is_accepted => return granted(&grant),
                // The lease had expired: the store may have a newer token.
                (Ok(_), _) => {}
                (Err(error), _) => return FetchOutcome::Failed(error),
            }
        }
    }

    /// Waits until no other attempt is in flight, and acquires a permit. Otherwise the fetch ends: with the
    /// token that the other attempt obtained, or with an error.
    async fn acquire(&mut self) -> Result<Permit, FetchOutcome<Error>> {
        let (mut waiting, mut probe) = (None, None);
        loop {
            if self.is_abandoned() {
                let is_pending = self.shared.is_pending(self.pending);
                return Err(if waiting.is_some() && is_pending {
                    busy()
                } else {
                    abandoned()
                });
            }
            let ctx = FetchContext {
                endpoint: self.endpoint,
                policy: self.shared.policy(),
                send_before: self.send_before,
                deadline: self.deadline,
                newest_seen: self.newest_seen,
                probe: probe.take(),
                may_begin: waiting.is_none() || !self.time_to_begin().is_zero(),
            };
            match self.shared.attempts().acquire(&ctx).await {
                Acquire::Granted(permit) => {
                    self.shared.attempts_with(permit.attempt());
                    return Ok(permit);
                }
                Acquire::Token(token) => {
                    self.newest_seen = Some(token.id);
                    return Err(FetchOutcome::Granted(token.bearer, token.lifetime));
                }
                Acquire::Probe => {
                    let limit = PROBE_TIMEOUT.min(self.remaining());
                    probe = Some(self.endpoint.probe(limit).await);
                }
                Acquire::Denied(error) => return Err(FetchOutcome::Failed(error)),
                Acquire::Busy(lease) => {
                    let waited = waiting.get_or_insert_with(Instant::now).elapsed();
                    match self.busy_pause(lease, waited) {
                        Some(pause) => sleep(pause).await,
                        None => return Err(busy()),
                    }
                }
            }
        }
    }

    /// Returns the pause before the next poll for the end of another fetch's attempt, or of what has the facts contended
    /// for as long as it `waited`. `None` if there is no time for another.
    fn busy_pause(&self, lease: Option<Lease>, waited: Duration) -> Option<Duration> {
        // A wait that begins late polls soon at first, but not as if the attempt had just begun.
        let age = lease.map_or(waited, |attempt| waited.clamp(attempt.age / 4, attempt.age));
        let mut poll = if age <= YOUNG {
            FIRST_POLL.max(age)
        } else {
            LONGEST_POLL
        };
        if self
            .shared
            .attempts()
            .is_attempting(self.endpoint.account())
        {
            poll = poll.min(OWN_POLL);
        }
        // The last poll is just before the deadline, without another shortly before that.
        let last = self.remaining().saturating_sub(LAST_POLL);
        let pause = if last < 2 * poll {
            last
        } else {
            jittered(poll)
        };
        // By the record, this fetch may begin an attempt then.
        let ended = lease.and_then(|lease| {
            let spare = self.time_to_begin().checked_sub(lease.left)?;
            Some(lease.left + (spare / 2).min(LEASE_JITTER).mul_f64(fastrand::f64()))
        });
        (!last.is_zero()).then_some(ended.map_or(pause, |ended| pause.min(ended)))
    }

    /// Returns how soon it has to begin an attempt if it has waited: one that begins too late ends without a response, and
    /// counts.
    fn time_to_begin(&self) -> Duration {
        let needed = self.shared.policy().fetch_timeout / 2;
        self.remaining().saturating_sub(needed)
    }

    /// Sends the credentials, once.
    async fn send(&self, permit: &Permit) -> Sent {
        let (shared, endpoint) = (self.shared, self.endpoint);
        shared.usage().count_request();
        shared.attempts().meter().requested(endpoint.account());
        let may_send = || !self.is_abandoned() && permit.attempt().may_send();
        let clock = shared.clock().clone();
        let exchanged = endpoint.exchange(clock, self.deadline, &may_send).await;
        match exchanged {
            Ok(exchanged) => self.read(&exchanged, permit),
            Err(Failure::NotSent(source)) => Sent {
                result: Err(not_sent(source)),
                outcome: AttemptOutcome::Uncounted,
                may_repeat: true,
                repeat_after: None,
            },
            Err(Failure::NoResponse(source)) => Sent {
                result: Err(no_response(source, permit.is_known_good())),
                outcome: AttemptOutcome::Unresolved { complete: false },
                may_repeat: false,
                repeat_after: None,
            },
        }
    }

    fn read(&self, exchanged: &Exchanged, permit: &Permit) -> Sent {
        let Exchanged { sent, response } = exchanged;
        let meter = self.shared.attempts().meter();
        let skew = response.exchange(*sent).clock_skew();
        meter.skewed(self.endpoint.account(), skew);
        let credentials = self.endpoint.credentials();
        match response.read(*sent, credentials, permit.is_known_good()) {
            Ok(grant) => Sent {
                outcome: AttemptOutcome::Granted,
                may_repeat: false,
                repeat_after: self.shared.received(self.pending, &grant),
                result: Ok(grant),
            },
            Err(failed) => Sent {
                outcome: failed.outcome(),
                may_repeat: failed.may_repeat(),
                repeat_after: failed
                    .expired()
                    .and_then(|grant| self.shared.received(self.pending, grant)),
                result: Err(failed.into_failure().into()),
            },
        }
    }

    async fn record(&mut self, permit: Permit, sent: &Sent) -> bool {
        let (id, grant) = (permit.stored_id(), sent.result.as_ref().ok());
        // A response that came just in time is recorded before the fetch is overdue.
        let grace = self.shared.policy().fetch_timeout / 32;
        let by = self.deadline.checked_add(grace).unwrap_or(self.deadline);
        let attempts = self.shared.attempts();
        let is_accepted = attempts
            .record(self.endpoint, permit, sent.outcome, grant, by)
            .await;
        if is_accepted && grant.is_some() {
            self.newest_seen = id.or(self.newest_seen);
        }
        is_accepted
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn is_abandoned(&self) -> bool {
        Instant::now() >= self.deadline || !self.shared.is_pending(self.pending)
    }

    fn fits(&self, pause: Duration, error: &Error) -> bool {
        let patient = error.retry_after().is_none_or(|after| after <= pause);
        patient && !self.is_abandoned() && Instant::now() + pause < self.deadline
    }
}

fn granted(grant: &Grant) -> FetchOutcome<Error> {
    if grant.is_unit_guessed() {
        tracing::warn!("token expiry is in no documented unit; guessed by its size");
    }
    FetchOutcome::Granted(grant.bearer().clone(), *grant.lifetime())
}

fn busy() -> FetchOutcome<Error> {
    let detail = "another fetch for the same account did not end in time";
    FetchOutcome::Failed(Error::new(ErrorKind::Unavailable, detail))
}

fn abandoned() -> FetchOutcome<Error> {
    let detail = "the fetch was abandoned";
    FetchOutcome::Failed(Error::new(ErrorKind::Unavailable, detail))
}

fn not_sent(source: BoxError) -> Error {
    Error::new(ErrorKind::Unavailable, "no connection; nothing was sent").with_source(source)
}

/// Returns the error for a request without a response: transient for known good credentials, which did not
/// cause it.
fn no_response(source: BoxError, is_known_good: bool) -> Error {
    let kind = if is_known_good {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Unresolved
    };
    Error::new(kind, "no response after the request was sent").with_source(source)
}

/// Adds jitter of up to a quarter, so that the waiting processes do not all load at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}
