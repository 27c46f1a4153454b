use crate::{Bearer, Failure, Timestamp, lifetime::Lifetime};

/// Identifies one fetch of a token: its number, its reason, and when callers stop waiting for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingFetch {
    pub(super) number: u64,
    pub(super) reason: FetchReason,
    pub(super) overdue: Timestamp,
}

impl PendingFetch {
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
