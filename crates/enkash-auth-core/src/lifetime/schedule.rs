use std::time::Duration;

use super::Lifetime;
use crate::{Policy, Timestamp};

/// The shortest expiry margin, except for lifetimes under 2 s.
const MIN_MARGIN: Duration = Duration::from_millis(250);

/// Holds the timestamps in the life of one token: start of the refresh < deadline < expiry, for any lifetime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    refresh_at: Timestamp,
    deadline: Timestamp,
    expiry: Timestamp,
}

impl Schedule {
    /// Creates the schedule of a token; `None` if it has already expired.
    ///
    /// `jitter`, in `[0, 1]`, sets the refresh window to between three quarters of its length (0) and all of
    /// it (1). It is generated once per token. Above that, up to 2, the refresh begins earlier, to spread those of
    /// many accounts: as early as a tenth of the lifetime after the request.
    pub fn new(lifetime: &Lifetime, policy: &Policy, jitter: f64) -> Option<Self> {
        let length = lifetime.length()?;
        let margin = margin(length, policy, lifetime.is_local());
        // NaN counts as 0.
        let jitter = if jitter > 0.0 { jitter.min(2.0) } else { 0.0 };
        let window = window(length, policy);
        let earlier = (length - window - length / 10).mul_f64((jitter - 1.0).max(0.0));
        let refresh_at = (window.mul_f64(0.75 + 0.25 * jitter.min(1.0)) + earlier)
            // Whatever the policy, the refresh starts before the deadline.
            .max(margin * 5 / 4);
        let sent = lifetime.sent();
        Some(Self {
            refresh_at: sent + (length - refresh_at),
            deadline: sent + (length - margin),
            expiry: sent + length,
        })
    }

    /// Creates the schedule of a token that its issuer reuses until it expires, `length` after `sent`.
    ///
    /// The next token exists only then. So there is no refresh window ([`refresh_at`](Self::refresh_at) is
    /// the deadline), and the expiry margin is the shortest possible.
    pub(crate) fn reused(sent: Timestamp, length: Duration) -> Self {
        let deadline = sent + (length - MIN_MARGIN.min(length / 8));
        Self {
            refresh_at: deadline,
            deadline,
            expiry: sent + length,
        }
    }

    /// Returns whether the token has no refresh window, as its issuer reuses it.
    pub(crate) fn is_reused(&self) -> bool {
        self.refresh_at == self.deadline
    }

    /// Returns when the background refresh starts.
    pub fn refresh_at(&self) -> Timestamp {
        self.refresh_at
    }

    /// Returns when the token is no longer attached to requests.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Returns when the token expires at the server, by the lowest estimate.
    pub fn expiry(&self) -> Timestamp {
        self.expiry
    }
}

/// Returns a fifth of the lifetime, at least 10 s, at most the policy's bound, never more than a quarter: with
/// a fixed window, every request would refresh a short token.
fn window(length: Duration, policy: &Policy) -> Duration {
    (length / 5)
        .max(Duration::from_secs(10))
        .min(policy.refresh_window_max)
        .min(length / 4)
}

/// Returns a fiftieth of the lifetime, from 250 ms to the policy's bound, never more than an eighth: an
/// in-flight request still arrives in time. Twice that if only the local clock is available.
fn margin(length: Duration, policy: &Policy, local_clock: bool) -> Duration {
    let margin = (length / 50).min(policy.expiry_margin_max).max(MIN_MARGIN);
    let margin = if local_clock { margin * 2 } else { margin };
    margin.min(length / 8)
}
