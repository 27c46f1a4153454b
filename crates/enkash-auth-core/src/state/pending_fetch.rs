use std::time::Duration;

use crate::{Bearer, Failure, Policy, Timestamp, few::Few, lifetime::Lifetime};

/// How long a fetch that received an expired token waits before it retries.
const REPEAT: Duration = Duration::from_millis(250);

/// The same after more retries than margin and rounding explain.
const LONG_REPEAT: Duration = Duration::from_secs(1);

/// How many of the shorter waits cover the margin, and a lifetime rounded down to whole seconds.
const SHORT_REPEATS: usize = 6;

/// Identifies one fetch of a token: its number, its reason, and when callers stop waiting for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingFetch {
    number: u64,
    reason: FetchReason,
    overdue: Timestamp,
}

impl PendingFetch {
    /// Creates the fetch `number`, which begins at `now`.
    pub(super) fn new(number: u64, reason: FetchReason, now: Timestamp, policy: &Policy) -> Self {
        let mut fetch = Self {
            number,
            reason,
            overdue: now,
        };
        fetch.extend(now, policy);
        fetch
    }

    /// Makes it overdue a sixteenth more than its timeout after `now`. If it is driven at all, it completes before.
    pub(super) fn extend(&mut self, now: Timestamp, policy: &Policy) {
        let limit = policy.fetch_timeout;
        self.overdue = (now + limit.saturating_add(limit / 16)).on_monotonic();
    }

    /// Returns its number: the fetches of a cache are counted from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns why it was spawned.
    pub fn reason(self) -> FetchReason {
        self.reason
    }

    /// Returns when it is abandoned: its runtime was shut down, or is not driven.
    pub fn overdue(self) -> Timestamp {
        self.overdue
    }
}

/// Names the reason for a fetch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FetchReason {
    /// There was no token yet.
    Initial,
    /// The cached token expires soon.
    Refresh,
    /// The cached token has expired.
    Expired,
    /// The API did not take the cached token, or may not have.
    Unauthorized,
    /// Credentials were changed, or the account was reset: backoff is skipped.
    Forced,
}

impl FetchReason {
    /// Returns its stable name, for a metric label or a span field.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Refresh => "refresh",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
            Self::Forced => "forced",
        }
    }
}

/// Represents how a fetch ended.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a fetch ends in no other way")]
pub enum FetchOutcome<E = Failure> {
    /// With a token.
    Granted(Bearer, Lifetime),
    /// With an error, which every waiter gets, and later callers until the backoff has passed.
    Failed(E),
    /// With nothing: the runtime that drove it was shut down. The next call spawns another, after a backoff
    /// if that happened before.
    Aborted,
}

/// Holds the expired tokens that one fetch received.
#[derive(Clone, Debug, Default)]
pub struct ExpiredTokens(Few<Bearer>);

impl ExpiredTokens {
    /// Adds `bearer`, and returns how long the fetch waits before it retries.
    ///
    /// `None` for a third one that differs from both others: an issuer behind a load balancer may reuse two,
    /// but this one reuses none.
    pub fn add(&mut self, bearer: &Bearer) -> Option<Duration> {
        let mut others = self.0.iter().filter(|token| *token != bearer);
        let other = others.next();
        if others.any(|token| Some(token) != other) {
            return None;
        }
        self.0.push(bearer.clone());
        let is_long = self.0.len() > SHORT_REPEATS;
        Some(if is_long { LONG_REPEAT } else { REPEAT })
    }
}
