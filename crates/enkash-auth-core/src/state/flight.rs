use crate::{Bearer, Error, Timestamp, lifetime::Lifetime};

/// Identifies one fetch of a token: its number, and the moment from which no caller waits for it any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flight {
    pub(super) number: u64,
    pub(super) reason: Reason,
    pub(super) overdue: Timestamp,
}

impl Flight {
    /// Returns its number: the flights of a cache are counted from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Returns why it was launched.
    pub fn reason(self) -> Reason {
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
pub enum Reason {
    /// There was none yet.
    Cold,
    /// The one at hand will be over soon.
    Early,
    /// The one at hand is over.
    Over,
    /// The API refused the one at hand.
    Refused,
    /// Credentials were changed, or strikes were reset: what a failure or the old credentials had
    /// put off is done at once.
    Forced,
}

impl Reason {
    /// Returns its name, for a label of a metric or a field of a span: it does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Early => "early",
            Self::Over => "over",
            Self::Refused => "refused",
            Self::Forced => "forced",
        }
    }
}

/// Says how a flight ended.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a flight ends in no other way")]
pub enum Outcome {
    /// With a token.
    Granted(Bearer, Lifetime),
    /// With an error, which every waiter gets and which is remembered for a pause.
    Failed(Error),
    /// With nothing: the runtime that drove it was shut down. The next call launches another, after a
    /// pause where that happened before.
    Aborted,
}
