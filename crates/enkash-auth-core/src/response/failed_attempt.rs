use crate::{Error, Grant, account::AttemptOutcome};

/// Represents a response without a usable token, and what follows from it.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    pub(super) error: Error,
    pub(super) outcome: AttemptOutcome,
    pub(super) may_repeat: bool,
    pub(super) expired: Option<Grant>,
}

impl FailedAttempt {
    /// Returns the error that callers get.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Converts it into the error that callers get.
    pub fn into_error(self) -> Error {
        self.error
    }

    /// Returns how the attempt ended, for the account record.
    pub fn outcome(&self) -> AttemptOutcome {
        self.outcome
    }

    /// Returns whether the request may be repeated within the same fetch.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Returns the token that had already expired when it was received, if that is what failed: an
    /// issuer that reuses tokens has the next one within a second.
    pub fn expired(&self) -> Option<&Grant> {
        self.expired.as_ref()
    }
}

impl From<FailedAttempt> for Error {
    fn from(failed: FailedAttempt) -> Self {
        failed.error
    }
}
