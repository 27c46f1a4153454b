use std::time::Duration;

use crate::{Error, ErrorKind, RefreshPolicy, Timestamp};

/// How often a quarantined cache looks whether the quarantine was lifted, give or take a fifth.
/// Looking sends nothing.
const QUARANTINE_LOOK: Duration = Duration::from_secs(5);

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);

/// The first and the longest pause after a failure that takes a human to end: an address to be put on
/// an allow-list, say.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// Bars fetches after a failed one until its end.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    since: Timestamp,
    until: Timestamp,
    /// The same for callers without a token. Behind one it has waited for them, but for what the
    /// server said.
    until_needed: Timestamp,
    /// Failures in a row that callers waited for.
    failures: u32,
    /// Failures in a row behind a token that was still good.
    failures_behind: u32,
    error: Error,
}

impl Backoff {
    /// Creates the pause after `error`, which is longer after a `last` one. `jitter`, in `[0, 1]`, stretches
    /// it by up to a half, so that replicas spread out. `is_behind`: there is a token that is still good.
    ///
    /// Failures behind such a token are counted apart: once it has expired, or was refused, the pauses
    /// begin anew.
    pub(super) fn new(
        error: Error,
        last: Option<Self>,
        is_behind: bool,
        now: Timestamp,
        jitter: f64,
        policy: &RefreshPolicy,
    ) -> Self {
        // Only a server's word needs a bound.
        let error = match error.retry_after() {
            Some(asked) if error.kind() == ErrorKind::Unavailable => {
                error.with_retry_after(asked.min(policy.retry_after_max))
            }
            _ => error,
        };
        let asked = error.retry_after().unwrap_or_default();
        let is_forbidden = |error: &Error| error.kind() == ErrorKind::Forbidden;
        // Those of another kind of backoff do not count for this one.
        let (mut failures, mut failures_behind) = last
            .filter(|last| is_forbidden(&last.error) == is_forbidden(&error))
            .map_or((0, 0), |last| (last.failures, last.failures_behind));
        let count = match is_behind {
            true => &mut failures_behind,
            false => &mut failures,
        };
        *count = count.saturating_add(1);
        // Not a number is taken for 0.
        let jitter = if jitter > 0.0 { jitter.min(1.0) } else { 0.0 };
        let (length, needed) = if error.kind().is_closed() {
            let look = QUARANTINE_LOOK.mul_f64(0.8 + 0.4 * jitter);
            (look, look)
        } else {
            let (first, longest) = match is_forbidden(&error) {
                true => FORBIDDEN,
                false => (FIRST, policy.backoff_max),
            };
            // Beyond 2^16 × 0.5 s any pause is at its bound: the shift cannot overflow.
            let doubled = first * (1 << count.saturating_sub(1).min(16));
            let length = doubled.mul_f64(1.0 + 0.5 * jitter).min(longest).max(asked);
            (length, if is_behind { asked } else { length })
        };
        Self {
            since: now,
            until: (now + length).on_monotonic(),
            until_needed: (now + needed).on_monotonic(),
            failures,
            failures_behind,
            error,
        }
    }

    /// Returns its end. `is_needed`: there is no token to serve.
    pub(super) fn until(&self, is_needed: bool) -> Timestamp {
        match is_needed {
            true => self.until_needed,
            false => self.until,
        }
    }

    /// Returns whether what failed may have counted against the account.
    pub(super) fn may_count(&self) -> bool {
        self.error.kind() == ErrorKind::Unresolved
    }

    /// Returns when that is tried again without a caller; `None` for never.
    pub(super) fn retry_at(&self, policy: &RefreshPolicy) -> Option<Timestamp> {
        let after = policy.retry_unresolved_after?;
        Some((self.since + after).on_monotonic())
    }

    /// Returns the error that ended the last flight, for a caller at `now`. Where nothing helps but new
    /// credentials or an operator, it says no time.
    pub(super) fn error_at(&self, now: Timestamp, is_needed: bool) -> Error {
        let error = self.error.clone();
        if error.kind().is_closed() {
            return error;
        }
        let asked = error.retry_after().unwrap_or_default();
        let asked_until = (self.since + asked).on_monotonic();
        let until = self.until(is_needed);
        let after = until.remaining(now).max(asked_until.remaining(now));
        error.with_retry_after(after)
    }
}
