use std::time::Duration;

use super::Lifetime;
use crate::{Moment, RefreshPolicy};

/// The shortest expiry margin, but for lifetimes under 2 s.
const LEAST_GUARD: Duration = Duration::from_millis(250);

/// Holds the moments in the life of one token: early start < deadline < expiry, whatever its lifetime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    early: Moment,
    deadline: Moment,
    expiry: Moment,
}

impl Schedule {
    /// Creates the schedule of a token; `None` where it has expired already.
    ///
    /// `draw`, in `[0, 1]`, shifts the early start between three quarters of the window (0) and
    /// all of it (1), so that replicas spread out. It is drawn once per token.
    pub fn new(lifetime: &Lifetime, policy: &RefreshPolicy, draw: f64) -> Option<Self> {
        let length = lifetime.length()?;
        let guard = guard(length, policy, lifetime.is_local());
        // Not a number is taken for 0.
        let draw = if draw > 0.0 { draw.min(1.0) } else { 0.0 };
        let early = window(length, policy)
            .mul_f64(0.75 + 0.25 * draw)
            // However the policy was set, there is a moment between the two.
            .max(guard * 5 / 4);
        let sent = lifetime.sent();
        Some(Self {
            early: sent.plus(length - early),
            deadline: sent.plus(length - guard),
            expiry: sent.plus(length),
        })
    }

    /// Returns the schedule of a token that its issuer returns until it expires, `length` after `sent`.
    ///
    /// The next token exists only then. So there is no refresh window ([`early`](Self::early) is the
    /// deadline), and the expiry margin is as short as it may be.
    pub(crate) fn reused(sent: Moment, length: Duration) -> Self {
        let deadline = sent.plus(length - LEAST_GUARD.min(length / 8));
        Self {
            early: deadline,
            deadline,
            expiry: sent.plus(length),
        }
    }

    /// Returns when the next token is fetched in the background.
    pub fn early(&self) -> Moment {
        self.early
    }

    /// Returns the moment from which on the token is attached to nothing.
    pub fn deadline(&self) -> Moment {
        self.deadline
    }

    /// Returns the server's end of the token, by the lower end of what it said.
    pub fn expiry(&self) -> Moment {
        self.expiry
    }
}

/// Returns a fifth of the lifetime, at least 10 s, at most what the policy says, never over a quarter: a
/// fixed window would make a short token refresh on every request.
fn window(length: Duration, policy: &RefreshPolicy) -> Duration {
    (length / 5)
        .max(Duration::from_secs(10))
        .min(policy.early_window_max)
        .min(length / 4)
}

/// Returns a fiftieth of the lifetime, from 250 ms to what the policy says, never over an eighth: a request
/// in flight still arrives in time. Twice that where only the local clock was to be had.
fn guard(length: Duration, policy: &RefreshPolicy, local_clock: bool) -> Duration {
    let guard = (length / 50).min(policy.guard_max).max(LEAST_GUARD);
    let guard = if local_clock { guard * 2 } else { guard };
    guard.min(length / 8)
}
