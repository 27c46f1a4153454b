use std::time::Duration;

use super::Lifetime;
use crate::{RefreshPolicy, Timestamp};

/// The shortest expiry margin, but for lifetimes under 2 s.
const MIN_MARGIN: Duration = Duration::from_millis(250);

/// Holds the moments in the life of one token: early start < deadline < expiry, whatever its lifetime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    refresh_at: Timestamp,
    deadline: Timestamp,
    expiry: Timestamp,
}

impl Schedule {
    /// Creates the schedule of a token; `None` where it has expired already.
    ///
    /// `jitter`, in `[0, 1]`, shifts the early start between three quarters of the window (0) and
    /// all of it (1), so that replicas spread out. It is drawn once per token.
    pub fn new(lifetime: &Lifetime, policy: &RefreshPolicy, jitter: f64) -> Option<Self> {
        let length = lifetime.length()?;
        let margin = margin(length, policy, lifetime.is_local());
        // Not a number is taken for 0.
        let jitter = if jitter > 0.0 { jitter.min(1.0) } else { 0.0 };
        let refresh_at = window(length, policy)
            .mul_f64(0.75 + 0.25 * jitter)
            // However the policy was set, there is a moment between the two.
            .max(margin * 5 / 4);
        let sent = lifetime.sent();
        Some(Self {
            refresh_at: sent + (length - refresh_at),
            deadline: sent + (length - margin),
            expiry: sent + length,
        })
    }

    /// Returns the schedule of a token that its issuer returns until it expires, `length` after `sent`.
    ///
    /// The next token exists only then. So there is no refresh window ([`refresh_at`](Self::early) is the
    /// deadline), and the expiry margin is as short as it may be.
    pub(crate) fn reused(sent: Timestamp, length: Duration) -> Self {
        let deadline = sent + (length - MIN_MARGIN.min(length / 8));
        Self {
            refresh_at: deadline,
            deadline,
            expiry: sent + length,
        }
    }

    /// Returns when the next token is fetched in the background.
    pub fn refresh_at(&self) -> Timestamp {
        self.refresh_at
    }

    /// Returns the moment from which on the token is attached to nothing.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Returns the server's end of the token, by the lower end of what it said.
    pub fn expiry(&self) -> Timestamp {
        self.expiry
    }
}

/// Returns a fifth of the lifetime, at least 10 s, at most what the policy says, never over a quarter: a
/// fixed window would make a short token refresh on every request.
fn window(length: Duration, policy: &RefreshPolicy) -> Duration {
    (length / 5)
        .max(Duration::from_secs(10))
        .min(policy.refresh_window_max)
        .min(length / 4)
}

/// Returns a fiftieth of the lifetime, from 250 ms to what the policy says, never over an eighth: a request
/// in flight still arrives in time. Twice that where only the local clock was to be had.
fn margin(length: Duration, policy: &RefreshPolicy, local_clock: bool) -> Duration {
    let margin = (length / 50).min(policy.expiry_margin_max).max(MIN_MARGIN);
    let margin = if local_clock { margin * 2 } else { margin };
    margin.min(length / 8)
}
