use std::time::Duration;

use crate::{Error, Moment, RefreshPolicy};

/// How often a quarantined cache looks whether somebody lifted the quarantine. Looking sends nothing.
const QUARANTINE_LOOK: Duration = Duration::from_secs(5);

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);

/// No fetch before its end, after a failed one.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    until: Moment,
    error: Error,
}

impl Pause {
    /// The pause after the `failures`th failure in a row, from 1. `draw`, in `[0, 1]`, stretches it
    /// by up to a half, so that replicas spread out.
    pub(super) fn new(
        error: Error,
        failures: u32,
        now: Moment,
        draw: f64,
        policy: &RefreshPolicy,
    ) -> Self {
        let length = if error.kind().is_rejection() {
            QUARANTINE_LOOK
        } else {
            let asked = error.retry_after().unwrap_or_default();
            backoff(failures, draw, policy).max(asked.min(policy.retry_after_max))
        };
        Self {
            until: now.plus(length).on_monotonic(),
            error,
        }
    }

    pub(super) fn until(&self) -> Moment {
        self.until
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until.is_over(now)
    }

    /// The error that ended the last flight, for one who asks at `now`.
    pub(super) fn error_at(&self, now: Moment) -> Error {
        self.error
            .clone()
            .with_retry_after(self.until.remaining(now))
    }
}

/// 0.5 s, doubled with each failure, times 1 to 1.5, at most what the policy says.
fn backoff(failures: u32, draw: f64, policy: &RefreshPolicy) -> Duration {
    // Beyond 2^16 × 0.5 s any pause is at its bound: the shift cannot overflow.
    let doubled = FIRST * (1 << failures.saturating_sub(1).min(16));
    doubled
        .mul_f64(1.0 + 0.5 * draw.clamp(0.0, 1.0))
        .min(policy.backoff_max)
}
