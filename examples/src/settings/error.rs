use std::{error::Error as StdError, fmt};

use enkash_auth_core::Error;

/// A variable that is missing, contradicts another or cannot be used. One line, without its value.
///
/// # Examples
///
/// ```
/// use enkash_auth_examples::Settings;
///
/// let error = Settings::read(|_| None).unwrap_err();
/// assert_eq!(error.variable(), "ENKASH_BASE_URL");
/// assert_eq!(error.to_string(), "ENKASH_BASE_URL: not set, and neither is ENKASH_ENVIRONMENT");
/// ```
#[derive(Debug)]
pub struct SettingError {
    variable: &'static str,
    problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    NotSet,
    /// Nor is the other, of which one would do.
    NeitherSet(&'static str),
    Contradicts(&'static str),
    Unusable(&'static str),
    BaseUrl(Error),
}

impl SettingError {
    pub(super) fn new(variable: &'static str, problem: Problem) -> Self {
        Self { variable, problem }
    }

    /// The name of the variable.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, problem } = self;
        match problem {
            Problem::NotSet => write!(f, "{variable}: not set"),
            Problem::NeitherSet(other) => {
                write!(f, "{variable}: not set, and neither is {other}")
            }
            Problem::Contradicts(other) => write!(f, "{variable}: contradicts {other}, unset one"),
            Problem::Unusable(why) => write!(f, "{variable}: {why}"),
            Problem::BaseUrl(_) => write!(f, "{variable}: no address to ask for tokens"),
        }
    }
}

impl StdError for SettingError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.problem {
            Problem::BaseUrl(error) => Some(error),
            _ => None,
        }
    }
}
