use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

/// Describes why there is no token: by the response of the token server, or by the account record.
///
/// The text never holds a secret.
#[derive(Clone, Debug)]
pub struct Failure {
    kind: FailureKind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// Classifies a [`Failure`] by what it means for the next attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an error has a kind for each")]
pub enum FailureKind {
    /// The server failed, or known good credentials wait until it responds to a probe: nothing was counted.
    Unavailable,
    /// The token cannot be attached: not a bearer token, already expired, truncated.
    InvalidResponse,
    /// The server rejected these credentials.
    Rejected,
    /// The server reports that the account is locked or disabled.
    AccountLocked,
    /// The strike budget is spent.
    AccountClosed,
    /// The server does not support such a request.
    Misconfigured,
    /// The server rejects this caller, whatever its credentials.
    Forbidden,
    /// The response is missing or ambiguous: the server may count a failed attempt.
    Unresolved,
}

impl FailureKind {
    /// Returns whether nothing is sent until the credentials change or an operator opens the account.
    pub fn is_closed(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::AccountLocked | Self::AccountClosed
        )
    }
}

impl Failure {
    /// Creates a failure of `kind`; `detail` describes it, in lower case and without a secret.
    pub fn new(kind: FailureKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// Sets the time after which a new attempt makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Returns what this failure means for the next attempt.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns how long to wait before a new attempt makes sense; `None` if that is unknown.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Converts it into its text.
    pub fn into_detail(self) -> Cow<'static, str> {
        self.detail
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Failure {}
