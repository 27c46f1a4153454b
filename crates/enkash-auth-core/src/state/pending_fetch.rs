use crate::{Bearer, Error, Timestamp, lifetime::Lifetime};

/// Identifies one fetch of a token: its number, and the moment from which no caller waits for it any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingFetch {
    pub(super) number: u64,
    pub(super) reason: FetchReason,
    pub(super) overdue: Timestamp,
}

impl PendingFetch {
    /// Returns its number: the flights of a cache are counted from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns why it was launched.
    pub fn reason(self) -> FetchReason {
        self.reason
    }

    /// Returns the moment from which on it is abandoned: its runtime is dead, or not driven.
    pub fn overdue(self) -> Timestamp {
        self.overdue
    }
}

/// Says why a token is fetched.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FetchReason {
    /// There was no token yet.
    Initial,
    /// The cached token expires soon.
    Refresh,
    /// The cached token has expired.
    Expired,
    /// The API rejected the cached token.
    Unauthorized,
    /// Credentials were changed, or the account was reset: backoff is skipped.
    Forced,
}

impl FetchReason {
    /// Returns its name, for a label of a metric or a field of a span: it does not change.
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

/// Says how a flight ended.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a flight ends in no other way")]
pub enum FetchOutcome {
    /// With a token.
    Granted(Bearer, Lifetime),
    /// With an error, which every waiter gets and which is remembered for a pause.
    Failed(Error),
    /// With nothing: the runtime that drove it was shut down. The next call launches another, after a
    /// pause where that happened before.
    Aborted,
}
