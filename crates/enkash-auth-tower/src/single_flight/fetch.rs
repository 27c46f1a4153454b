use std::time::Duration;

use enkash_auth_core::{
    Clock, Error, ErrorKind, Grant, Timestamp,
    account::{AttemptId, AttemptOutcome},
    state::{FetchOutcome, PendingFetch},
};
use tokio::time::{Instant, sleep};

use crate::{
    BoxError,
    attempts::{Acquired, FetchContext, Permit, StoredToken},
    cache::Shared,
    endpoint::{Exchanged, Failure, TokenEndpoint},
    meter,
    store::Liveness,
};

/// The pauses between the attempts of one fetch: three attempts hide a short fault.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// How often a fetch polls for the end of an attempt of another fetch, give or take a quarter.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// How long the server has to respond to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Fetches a token once: up to three attempts, each with a permit.
pub(super) struct Fetch<'a> {
    shared: &'a Shared,
    /// As it was when the fetch began: the cache may have other credentials by now.
    endpoint: &'a TokenEndpoint,
    pending: PendingFetch,
    /// Counted from the spawn: a task may be polled much later, or never.
    deadline: Instant,
    /// The same on both clocks: an attempt is not sent when either says that it has passed.
    send_before: Timestamp,
    /// The newest token of the store that it has seen: at first that of the cache, at the end the one that
    /// it returns.
    newest_seen: Option<AttemptId>,
    /// Shows that this process is alive between two attempts: the store still has the first one open.
    between: Option<Liveness>,
}

/// What may be done once no other attempt is in flight.
enum Turn {
    Attempt(Permit),
    /// Another fetch obtained this token.
    Token(StoredToken),
}

/// Holds the result of one attempt.
struct Sent {
    result: Result<Grant, Error>,
    outcome: AttemptOutcome,
    may_repeat: bool,
    /// The pause after which the issuer has the next token: the one received is about to expire.
    repeat_after: Option<Duration>,
}

impl<'a> Fetch<'a> {
    pub(super) fn new(
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
            newest_seen: shared.attempts().held(endpoint.account_credentials()),
            between: None,
        }
    }

    /// Returns the attempt that obtained the token, if the store has it.
    pub(super) fn obtained_by(&self) -> Option<AttemptId> {
        self.newest_seen
    }

    /// Makes the attempts of the fetch. Ends by itself at the deadline.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while an attempt is in flight, that counts as one without a response.
    pub(super) async fn run(&mut self) -> FetchOutcome {
        self.shared.attempts().begin_fetch();
        let more = self.shared.policy().attempts.saturating_sub(1);
        let mut pauses = PAUSES
            .into_iter()
            .take(usize::try_from(more).unwrap_or(usize::MAX));
        loop {
            let permit = match self.turn().await {
                Ok(Turn::Attempt(permit)) => permit,
                Ok(Turn::Token(token)) => {
                    return FetchOutcome::Granted(token.bearer, token.lifetime);
                }
                Err(error) => return FetchOutcome::Failed(error),
            };
            drop(self.between.take());
            let sent = self.send(&permit).await;
            let pause = match &sent.result {
                Err(error) if sent.may_repeat => {
                    pauses.next().filter(|pause| self.fits(*pause, error))
                }
                _ => None,
            };
            if let (Err(error), Some(pause)) = (&sent.result, pause) {
                tracing::debug!(%error, ?pause, "token request failed, trying again");
                // The write that opens the next attempt ends this one.
                self.between = permit.end(sent.outcome);
                sleep(pause).await;
                continue;
            }
            let is_accepted = self.record(permit, &sent).await;
            match (sent.result, sent.repeat_after) {
                (_, Some(pause)) if Instant::now() + pause < self.deadline => sleep(pause).await,
                (Ok(grant), _) if is_accepted => return granted(&grant),
                // The token came after its lease: the store may have a newer one.
                (Ok(_), _) => {}
                (Err(error), _) => return FetchOutcome::Failed(error),
            }
        }
    }

    /// Waits until no other attempt is in flight, and acquires a permit, unless that attempt has brought
    /// a token.
    async fn turn(&mut self) -> Result<Turn, Error> {
        let (mut has_waited, mut probe) = (false, None);
        loop {
            if self.is_given_up() {
                let is_on = self.shared.is_on(self.pending);
                return Err(if has_waited && is_on {
                    busy()
                } else {
                    given_up()
                });
            }
            let ctx = FetchContext {
                account: self.endpoint.account_credentials(),
                policy: self.shared.policy(),
                send_before: self.send_before,
                newest_seen: self.newest_seen,
                probe: probe.take(),
                // An attempt that begins too late ends without a response, and counts.
                may_begin: !has_waited || 2 * self.given_up() >= self.shared.policy().fetch_timeout,
            };
            match self.shared.attempts().acquire(&ctx).await {
                Acquired::Permit(permit) => return Ok(Turn::Attempt(permit)),
                Acquired::Token(token) => {
                    self.newest_seen = Some(token.id);
                    return Ok(Turn::Token(token));
                }
                Acquired::Probe => {
                    let limit = PROBE_TIMEOUT.min(self.given_up());
                    probe = Some(self.endpoint.probe(limit).await);
                }
                Acquired::Denied(error) => return Err(error),
                Acquired::Busy => {
                    has_waited = true;
                    let pause = jittered(BUSY_POLL);
                    if Instant::now() + pause >= self.deadline {
                        return Err(busy());
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// Sends the credentials, once.
    async fn send(&self, permit: &Permit) -> Sent {
        let (shared, endpoint) = (self.shared, self.endpoint);
        shared.count_request();
        meter::asked(endpoint.account());
        let may_send = || !self.is_given_up() && permit.attempt().may_send();
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
        let account = self.endpoint.account();
        meter::skewed(account, response.exchange(*sent).clock_skew());
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
                result: Err(failed.into_error()),
            },
        }
    }

    async fn record(&mut self, permit: Permit, sent: &Sent) -> bool {
        let account = self.endpoint.account_credentials();
        let (id, grant) = (permit.stored_id(), sent.result.as_ref().ok());
        let attempts = self.shared.attempts();
        let is_accepted = attempts.record(account, permit, sent.outcome, grant).await;
        if is_accepted && grant.is_some() {
            self.newest_seen = id.or(self.newest_seen);
        }
        is_accepted
    }

    fn given_up(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn is_given_up(&self) -> bool {
        Instant::now() >= self.deadline || !self.shared.is_on(self.pending)
    }

    fn fits(&self, pause: Duration, error: &Error) -> bool {
        let patient = error.retry_after().is_none_or(|after| after <= pause);
        patient && !self.is_given_up() && Instant::now() + pause < self.deadline
    }
}

fn granted(grant: &Grant) -> FetchOutcome {
    if grant.is_unit_guessed() {
        tracing::warn!("the expiry of the token is in no documented unit, its size decided");
    }
    FetchOutcome::Granted(grant.bearer().clone(), *grant.lifetime())
}

fn busy() -> Error {
    let detail = "another fetch for the same account did not end in time";
    Error::new(ErrorKind::Unavailable, detail)
}

fn given_up() -> Error {
    Error::new(ErrorKind::Unavailable, "the fetch was given up")
}

fn not_sent(source: BoxError) -> Error {
    Error::new(ErrorKind::Unavailable, "no connection; nothing was sent").with_source(source)
}

/// Returns the error for a request without a response: transient for known good credentials, which are not
/// to blame.
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
