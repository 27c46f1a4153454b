use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use enkash_auth_core::{Failure, FailureKind, InvalidSetting, state::FetchError};

/// Describes why there is no token, or why none was attached.
///
/// One word wide and cheap to clone: all callers that waited for a fetch get the same one. The text never
/// holds a secret and never repeats its [`source`](StdError::source).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_tower::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "status 503")
///     .with_retry_after(Duration::from_secs(2));
/// assert!(error.is_transient());
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
/// assert_eq!(error.to_string(), "token server unavailable: status 503");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Classifies an [`Error`] by what it means for the caller.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is invalid; the text names it. Nothing was sent.
    InvalidSetting,
    /// The token server could not be reached, was overloaded or failed. The attempt was not counted, but for one of
    /// known good credentials without a response, which may have been: they then wait until the server responds to
    /// a probe.
    Unavailable,
    /// The response grants a token that cannot be attached: not a bearer token, already expired, truncated.
    InvalidResponse,
    /// The server rejected these credentials. They are not sent again until an operator allows it.
    Rejected,
    /// The server reports that the account is locked or disabled. Nothing is sent until an operator resets
    /// the record.
    AccountLocked,
    /// The strike budget is spent, and one more attempt could lock the account: nothing was sent. The text
    /// says how to open it.
    AccountClosed,
    /// The server does not support such a request: wrong address, grant or scope.
    Misconfigured,
    /// The server rejects this caller, whatever its credentials: an address that is not
    /// allow-listed, an API that is not enabled.
    Forbidden,
    /// The credentials were sent, and the response is missing or ambiguous: the server may count a failed
    /// attempt.
    Unresolved,
    /// The source of the credentials failed, or timed out. Nothing was sent.
    NoCredentials,
    /// The store of the account record is unavailable, or holds a record of a newer release: nothing was
    /// sent.
    StoreUnavailable,
    /// The request goes to an origin that must not see the token. Nothing was sent.
    ForeignOrigin,
    /// The request goes to the path of a token request, in any spelling: three with wrong credentials lock the
    /// account. Nothing was sent.
    TokenRequest,
    /// The request names no account. Nothing was sent.
    NoAccount,
    /// Too many callers are already waiting for a token.
    Saturated,
    /// The caller timed out waiting for a token.
    WaitTimeout,
    /// A fetch is necessary, and the caller is outside any tokio runtime.
    NoRuntime,
}

impl ErrorKind {
    /// Returns whether the same call may succeed later without a change.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Unavailable
                | Self::InvalidResponse
                | Self::NoCredentials
                | Self::StoreUnavailable
                | Self::Saturated
                | Self::WaitTimeout
        )
    }

    /// Returns its stable name, for a metric label or a document field.
    pub fn as_str(self) -> &'static str {
        self.name_and_text().0
    }

    /// Returns whether nothing is sent until the credentials change or an operator opens the account.
    pub fn is_closed(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::AccountLocked | Self::AccountClosed
        )
    }

    fn name_and_text(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidSetting => ("invalid-setting", "invalid setting"),
            Self::Unavailable => ("unavailable", "token server unavailable"),
            Self::InvalidResponse => ("invalid-response", "unusable token response"),
            Self::Rejected => ("rejected", "credentials rejected"),
            Self::AccountLocked => ("account-locked", "account locked"),
            Self::AccountClosed => ("account-closed", "account closed"),
            Self::Misconfigured => ("misconfigured", "token request not supported by the server"),
            Self::Forbidden => ("forbidden", "token request forbidden"),
            Self::Unresolved => ("unresolved", "outcome of the token request unknown"),
            Self::NoCredentials => ("no-credentials", "credentials unavailable"),
            Self::StoreUnavailable => ("store-unavailable", "token store unavailable"),
            Self::ForeignOrigin => ("foreign-origin", "origin not allowed to see the token"),
            Self::TokenRequest => ("token-request", "token request declined"),
            Self::NoAccount => ("no-account", "no account for the request"),
            Self::Saturated => ("saturated", "too many callers waiting for a token"),
            Self::WaitTimeout => ("wait-timeout", "timed out waiting for a token"),
            Self::NoRuntime => ("no-runtime", "no tokio runtime to fetch a token on"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name_and_text().1)
    }
}

impl Error {
    /// Creates an error of `kind`; `detail` describes it, in lower case and without a secret.
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            detail: detail.into(),
            retry_after: None,
            source: None,
        }))
    }

    /// Sets the cause, whose text must hold no secret either.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// Sets the time after which a new attempt makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        Arc::make_mut(&mut self.0).retry_after = Some(after);
        self
    }

    /// Returns what this error means for its caller.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the same call may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Returns how long to wait before a new attempt makes sense, counted from when this error was returned;
    /// `None` if that is unknown.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, detail, .. } = &*self.0;
        if detail.is_empty() {
            return kind.fmt(f);
        }
        write!(f, "{kind}: {detail}")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.0.kind)
            .field("detail", &self.0.detail);
        if let Some(after) = self.0.retry_after {
            debug.field("retry_after", &after);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<InvalidSetting> for Error {
    fn from(invalid: InvalidSetting) -> Self {
        let (detail, source) = invalid.into_parts();
        Self(Arc::new(Inner {
            kind: ErrorKind::InvalidSetting,
            detail,
            retry_after: None,
            source: source.map(Arc::from),
        }))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Arc::new(Inner {
            kind: failure.kind().into(),
            retry_after: failure.retry_after(),
            detail: failure.into_detail(),
            source: None,
        }))
    }
}

impl From<FailureKind> for ErrorKind {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::InvalidResponse => Self::InvalidResponse,
            FailureKind::Rejected => Self::Rejected,
            FailureKind::AccountLocked => Self::AccountLocked,
            FailureKind::AccountClosed => Self::AccountClosed,
            FailureKind::Misconfigured => Self::Misconfigured,
            FailureKind::Forbidden => Self::Forbidden,
            FailureKind::Unresolved => Self::Unresolved,
        }
    }
}

impl FetchError for Error {
    fn backoff_kind(&self) -> FailureKind {
        match self.kind() {
            ErrorKind::Rejected => FailureKind::Rejected,
            ErrorKind::AccountLocked => FailureKind::AccountLocked,
            ErrorKind::AccountClosed => FailureKind::AccountClosed,
            ErrorKind::Forbidden => FailureKind::Forbidden,
            ErrorKind::Unresolved => FailureKind::Unresolved,
            // The shortest.
            _ => FailureKind::Unavailable,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after()
    }

    fn with_retry_after(self, after: Duration) -> Self {
        self.with_retry_after(after)
    }
}
