use std::{error::Error as StdError, fmt, iter, process::ExitCode};

use enkash_auth_tower::{BoxError, ConfigError, Error as AuthError, ErrorKind};

/// Why the program stops. `Display` prints one line.
#[derive(Debug)]
pub(crate) struct Failure {
    error: BoxError,
    /// Whether it is a setting that the user can correct.
    is_setting: bool,
}

impl Failure {
    /// Creates the failure for an invalid flag or variable `name`.
    pub(crate) fn setting(name: &str, why: impl fmt::Display) -> Self {
        Self {
            error: format!("{name}: {why}").into(),
            is_setting: true,
        }
    }

    /// Creates the failure for any other reason.
    pub(crate) fn other(why: impl Into<BoxError>) -> Self {
        Self {
            error: why.into(),
            is_setting: false,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.is_setting { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&*self.error))
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: BoxError = error.into();
        let of_setting = |error: &AuthError| error.kind() == ErrorKind::InvalidSetting;
        let is_setting = error.is::<ConfigError>() || error.downcast_ref().is_some_and(of_setting);
        Self { error, is_setting }
    }
}

/// Formats an error and its causes on one line.
pub(crate) fn one_line(error: &(dyn StdError + 'static)) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.replace(['\r', '\n'], " ")
}

/// Returns the exit code of `check` for an error, and what to do about it, which the page shows as well.
pub(crate) fn advice(kind: ErrorKind) -> (u8, &'static str) {
    match kind {
        ErrorKind::InvalidSetting => (2, "correct the named setting"),
        ErrorKind::Unavailable => (
            3,
            "check ENKASH_BASE_URL, the network and the proxy; a running sidecar retries by itself",
        ),
        ErrorKind::InvalidResponse => (
            4,
            "the response from ENKASH_BASE_URL has no token: is it EnKash's token server?",
        ),
        ErrorKind::Rejected => (
            5,
            "check the credentials in ENKASH_* before they are sent again: a third consecutive rejection \
             locks the account; those in files are read again by themselves, those in variables at a restart",
        ),
        ErrorKind::AccountLocked => (
            6,
            "have EnKash unlock the account, then run `enkash-sidecar reset`",
        ),
        ErrorKind::Misconfigured => (
            7,
            "check ENKASH_BASE_URL, and whether the product takes a password or merchant keys",
        ),
        ErrorKind::Forbidden => (
            8,
            "ask EnKash whether this machine's address is allow-listed and the API enabled",
        ),
        ErrorKind::Unresolved => (
            9,
            "EnKash may count this as a failed attempt: check the token server and the account, \
             then run `enkash-sidecar reset`",
        ),
        ErrorKind::StoreUnavailable => (
            10,
            "check the directory or the server in ENKASH_TOKEN_STORE; once it responds, \
             a running sidecar goes on by itself",
        ),
        ErrorKind::AccountClosed => (
            11,
            "check the account and the credentials in EnKash's portal and correct them, \
             then run `enkash-sidecar reset`: a third failed attempt could lock the account",
        ),
        _ => (1, "see the log, with RUST_LOG=debug for details"),
    }
}
