use std::time::Duration;

use crate::{Error, ErrorKind, Moment, RefreshPolicy};

/// How often a quarantined cache looks whether the quarantine was lifted, give or take a fifth.
/// Looking sends nothing.
const QUARANTINE_LOOK: Duration = Duration::from_secs(5);

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);

/// The first and the longest pause after a failure that takes a human to end: an address to be put on
/// an allow-list, say.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// No fetch before its end, after a failed one.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    since: Moment,
    until: Moment,
    /// The same for those who go without a token. Behind one it has waited for them, but for what the
    /// server said.
    until_needed: Moment,
    error: Error,
}

impl Pause {
    /// The pause after the `failures`th failure in a row, from 1. `draw`, in `[0, 1]`, stretches it
    /// by up to a half, so that replicas spread out. `is_behind`: a token is at hand that is good still.
    pub(super) fn new(
        error: Error,
        failures: u32,
        is_behind: bool,
        now: Moment,
        draw: f64,
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
        // Not a number is taken for 0.
        let draw = if draw > 0.0 { draw.min(1.0) } else { 0.0 };
        // Looking again sends nothing.
        let (length, needed) = if error.kind().is_closed() {
            let look = QUARANTINE_LOOK.mul_f64(0.8 + 0.4 * draw);
            (look, look)
        } else {
            let (first, longest) = if error.kind() == ErrorKind::Forbidden {
                FORBIDDEN
            } else {
                (FIRST, policy.backoff_max)
            };
            let length = backoff(first, failures, draw).min(longest).max(asked);
            (length, if is_behind { asked } else { length })
        };
        Self {
            since: now,
            until: now.plus(length).on_monotonic(),
            until_needed: now.plus(needed).on_monotonic(),
            error,
        }
    }

    /// Its end. `is_needed`: somebody goes without a token.
    pub(super) fn until(&self, is_needed: bool) -> Moment {
        if is_needed {
            self.until_needed
        } else {
            self.until
        }
    }

    /// Whether what failed may have counted against the account.
    pub(super) fn may_count(&self) -> bool {
        self.error.kind() == ErrorKind::Unresolved
    }

    /// Whether the failures before `error` count for the pause after it: those of another kind of
    /// backoff do not.
    pub(super) fn goes_on_with(&self, error: &Error) -> bool {
        let is_forbidden = |error: &Error| error.kind() == ErrorKind::Forbidden;
        is_forbidden(&self.error) == is_forbidden(error)
    }

    /// When that is tried again for nobody's sake; `None` for never.
    pub(super) fn until_unasked(&self, policy: &RefreshPolicy) -> Option<Moment> {
        let after = policy.retry_unresolved_after?;
        Some(self.since.plus(after).on_monotonic())
    }

    /// The error that ended the last flight, for one who asks at `now`. Where nothing helps but new
    /// credentials or an operator, it says no time.
    pub(super) fn error_at(&self, now: Moment, is_needed: bool) -> Error {
        let error = self.error.clone();
        if error.kind().is_closed() {
            return error;
        }
        let asked = error.retry_after().unwrap_or_default();
        let asked_until = self.since.plus(asked).on_monotonic();
        let until = self.until(is_needed);
        let after = until.remaining(now).max(asked_until.remaining(now));
        error.with_retry_after(after)
    }
}

/// `first`, doubled with each failure, times 1 to 1.5.
fn backoff(first: Duration, failures: u32, draw: f64) -> Duration {
    // Beyond 2^16 × 0.5 s any pause is at its bound: the shift cannot overflow.
    let doubled = first * (1 << failures.saturating_sub(1).min(16));
    doubled.mul_f64(1.0 + 0.5 * draw)
}
