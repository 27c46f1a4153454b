use std::{error::Error as StdError, fmt, io, iter, process::ExitCode};

use enkash_auth_tower::{BoxError, ConfigError, Error as AuthError, ErrorKind};

/// Why the program stops. `Display` prints one line.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A setting that the user can correct.
    Setting(BoxError),
    Other(BoxError),
}

impl Failure {
    /// Creates the failure for an invalid flag or variable `name`.
    pub(crate) fn setting(name: &str, why: impl fmt::Display) -> Self {
        Self::Setting(format!("{name}: {why}").into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Setting(_) => ExitCode::from(2),
            Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Setting(error) | Self::Other(error)) = self;
        f.write_str(&one_line(&**error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Setting(error.into())
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSetting => Self::Setting(error.into()),
            _ => Self::Other(error.into()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

/// Formats an error and its causes on one line.
pub(crate) fn one_line(error: &(dyn StdError + 'static)) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.replace(['\r', '\n'], " ")
}
