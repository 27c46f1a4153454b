use std::time::Duration;

use crate::{Error, ErrorKind, Moment, RefreshPolicy};

/// How often a quarantined cache looks whether somebody lifted the quarantine. Looking sends nothing.
const QUARANTINE_LOOK: Duration = Duration::from_secs(5);

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);

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
        let (length, needed) = if is_quarantine(&error) {
            (QUARANTINE_LOOK, QUARANTINE_LOOK)
        } else {
            let length = backoff(failures, draw, policy).max(asked);
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
        let may_count = matches!(
            self.error.kind(),
            ErrorKind::Unresolved | ErrorKind::Forbidden
        );
        may_count && !is_quarantine(&self.error)
    }

    /// When that is tried again for nobody's sake; `None` for never.
    pub(super) fn until_unasked(&self, policy: &RefreshPolicy) -> Option<Moment> {
        let after = policy.retry_unresolved_after?;
        Some(self.since.plus(after).on_monotonic())
    }

    /// The error that ended the last flight, for one who asks at `now`. Nothing but new credentials
    /// or a reset helps against a rejection: it says no time.
    pub(super) fn error_at(&self, now: Moment, is_needed: bool) -> Error {
        let error = self.error.clone();
        if error.kind().is_rejection() {
            return error;
        }
        let asked = error.retry_after().unwrap_or_default();
        let asked_until = self.since.plus(asked).on_monotonic();
        let until = self.until(is_needed);
        let after = until.remaining(now).max(asked_until.remaining(now));
        error.with_retry_after(after)
    }
}

/// Whether the gate before each attempt let none through: then looking again sends nothing.
fn is_quarantine(error: &Error) -> bool {
    let is_closed = error.kind() == ErrorKind::Unresolved && error.retry_after().is_some();
    is_closed || error.kind().is_rejection()
}

/// 0.5 s, doubled with each failure, times 1 to 1.5, at most what the policy says.
fn backoff(failures: u32, draw: f64, policy: &RefreshPolicy) -> Duration {
    // Beyond 2^16 × 0.5 s any pause is at its bound: the shift cannot overflow.
    let doubled = FIRST * (1 << failures.saturating_sub(1).min(16));
    doubled
        .mul_f64(1.0 + 0.5 * draw.clamp(0.0, 1.0))
        .min(policy.backoff_max)
}
