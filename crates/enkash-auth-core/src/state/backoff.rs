use std::time::Duration;

use crate::{Failure, FailureKind, Policy, Timestamp};

/// The interval at which a quarantined cache polls the account record, with a jitter of ± 20 %. A poll sends
/// nothing to the token server.
const QUARANTINE_POLL: Duration = Duration::from_secs(5);

/// The first backoff after a failure.
const FIRST: Duration = Duration::from_millis(500);

/// The first and the longest backoff after a failure that only an operator can end, such as an address that
/// is not allow-listed.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// Lets a [`State`](super::State) keep an error: a [`Failure`], or that of a crate which can fail for more
/// reasons.
pub trait FetchError: Clone + From<Failure> {
    /// Returns the kind of failure whose backoff follows this error.
    fn backoff_kind(&self) -> FailureKind;

    /// Returns how long to wait before a new attempt makes sense; `None` if that is unknown.
    fn retry_after(&self) -> Option<Duration>;

    /// Sets the time after which a new attempt makes sense.
    #[must_use]
    fn with_retry_after(self, after: Duration) -> Self;
}

impl FetchError for Failure {
    fn backoff_kind(&self) -> FailureKind {
        self.kind()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after()
    }

    fn with_retry_after(self, after: Duration) -> Self {
        self.with_retry_after(after)
    }
}

/// Prevents fetches after a failed one until it has passed.
#[derive(Clone, Debug)]
pub struct Backoff<E> {
    since: Timestamp,
    until: Timestamp,
    /// The same once the cached token has expired. After a failed refresh this is the server's
    /// `Retry-After` alone.
    until_needed: Timestamp,
    /// Consecutive failures while no token was usable.
    failures: u32,
    /// Consecutive failed refreshes, while the cached token was still usable.
    failed_refreshes: u32,
    error: E,
}

impl<E: FetchError> Backoff<E> {
    /// Creates the backoff after `error`, which is longer after a `last` one. `jitter`, in `[0, 1]`,
    /// stretches it by up to a half. `is_refresh`: the cached token is still usable.
    ///
    /// Failed refreshes are counted apart: once the token has expired or is unauthorized, the backoff starts
    /// from its first value again.
    pub fn new(
        error: E,
        last: Option<Self>,
        is_refresh: bool,
        now: Timestamp,
        jitter: f64,
        policy: &Policy,
    ) -> Self {
        // Only a `Retry-After` from the server needs a bound.
        let error = match error.retry_after() {
            Some(after) if error.backoff_kind() == FailureKind::Unavailable => {
                error.with_retry_after(after.min(policy.retry_after_max))
            }
            _ => error,
        };
        let retry_after = error.retry_after().unwrap_or_default();
        let is_forbidden = |error: &E| error.backoff_kind() == FailureKind::Forbidden;
        // Failures of the other kind of backoff do not count for this one.
        let (mut failures, mut failed_refreshes) = last
            .filter(|last| is_forbidden(&last.error) == is_forbidden(&error))
            .map_or((0, 0), |last| (last.failures, last.failed_refreshes));
        let count = match is_refresh {
            true => &mut failed_refreshes,
            false => &mut failures,
        };
        *count = count.saturating_add(1);
        // NaN counts as 0.
        let jitter = if jitter > 0.0 { jitter.min(1.0) } else { 0.0 };
        let (length, needed) = if error.backoff_kind().is_closed() {
            let poll = QUARANTINE_POLL.mul_f64(0.8 + 0.4 * jitter);
            (poll, poll)
        } else {
            let (first, longest) = match is_forbidden(&error) {
                true => FORBIDDEN,
                false => (FIRST, policy.backoff_max),
            };
            // Beyond 2^16 × 0.5 s any backoff is at its bound: the shift cannot overflow.
            let doubled = first * (1 << count.saturating_sub(1).min(16));
            let length = doubled
                .mul_f64(1.0 + 0.5 * jitter)
                .min(longest)
                .max(retry_after);
            (length, if is_refresh { retry_after } else { length })
        };
        Self {
            since: now,
            until: (now + length).on_monotonic(),
            until_needed: (now + needed).on_monotonic(),
            failures,
            failed_refreshes,
            error,
        }
    }

    /// Returns when it ends. `is_needed`: no cached token is usable.
    pub fn until(&self, is_needed: bool) -> Timestamp {
        match is_needed {
            true => self.until_needed,
            false => self.until,
        }
    }

    /// Returns whether the failed attempt may count against the account.
    pub fn may_count(&self) -> bool {
        self.error.backoff_kind() == FailureKind::Unresolved
    }

    /// Returns when such an attempt is retried without a caller; `None` for never.
    pub fn retry_at(&self, policy: &Policy) -> Option<Timestamp> {
        let after = policy.retry_unresolved_after?;
        Some((self.since + after).on_monotonic())
    }

    /// Returns the error of the last fetch, for a caller at `now`. It has no `retry_after` if only new
    /// credentials or an operator can help.
    pub fn error_at(&self, now: Timestamp, is_needed: bool) -> E {
        let error = self.error.clone();
        if error.backoff_kind().is_closed() {
            return error;
        }
        let retry_after = error.retry_after().unwrap_or_default();
        let retry_at = (self.since + retry_after).on_monotonic();
        let until = self.until(is_needed);
        let after = until.remaining(now).max(retry_at.remaining(now));
        error.with_retry_after(after)
    }
}
