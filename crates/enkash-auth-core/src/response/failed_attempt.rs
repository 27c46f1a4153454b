use crate::{Error, Grant, account::AttemptOutcome};

/// Represents a response without a usable token, and what follows from it.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_core::{Credentials, Moment, ResponseBody, TokenResponse, account::AttemptOutcome};
/// use http::{HeaderMap, StatusCode};
///
/// let body = ResponseBody::Complete(Bytes::new());
/// let response = TokenResponse::new(StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), body);
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let failed = response.read(Moment::new(0, 0), &keys, false).unwrap_err();
/// assert_eq!(failed.outcome(), AttemptOutcome::Uncounted);
/// assert!(failed.may_repeat());
/// assert!(failed.error().is_transient());
/// ```
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
