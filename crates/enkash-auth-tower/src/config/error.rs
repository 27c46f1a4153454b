use std::{error::Error as StdError, fmt, io};

use enkash_auth_core::InvalidSetting;
use serde::de;

use crate::{Error, ErrorKind};

/// Names a setting that is missing, contradicts another or cannot be used, in one line without its value.
#[derive(Debug)]
pub struct ConfigError {
    key: String,
    problem: Problem,
}

#[derive(Debug)]
pub enum Problem {
    NotSet,
    /// Nor is the other, one of which is needed.
    NeitherSet(String),
    Contradicts(String),
    Unusable(String),
    NoAddress(InvalidSetting),
    /// The key names a file.
    Unreadable(io::Error),
}

impl ConfigError {
    pub(super) fn new(key: String, problem: Problem) -> Self {
        Self { key, problem }
    }

    /// Returns the key, in the form of its source.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, problem } = self;
        match problem {
            Problem::NotSet => write!(f, "{key}: not set"),
            Problem::NeitherSet(other) => write!(f, "{key}: not set, and neither is {other}"),
            Problem::Contradicts(other) => write!(f, "{key}: contradicts {other}, unset one"),
            Problem::Unusable(why) => write!(f, "{key}: {why}"),
            Problem::NoAddress(_) => write!(f, "{key}: no valid token server address"),
            Problem::Unreadable(_) => write!(f, "{key}: the file cannot be read"),
        }
    }
}

impl StdError for ConfigError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.problem {
            Problem::NoAddress(error) => Some(error),
            Problem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// For an error that names no variable.
impl de::Error for ConfigError {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::new("ENKASH_*".to_owned(), Problem::Unusable(why.to_string()))
    }
}

/// Keeps the text, as the detail of an invalid setting.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let detail = error.to_string();
        let invalid = Self::new(ErrorKind::InvalidSetting, detail);
        match error.problem {
            Problem::NoAddress(source) => invalid.with_source(source),
            Problem::Unreadable(source) => invalid.with_source(source),
            _ => invalid,
        }
    }
}
