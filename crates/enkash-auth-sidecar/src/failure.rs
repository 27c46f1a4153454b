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
