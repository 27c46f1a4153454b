use std::{error::Error as StdError, fmt};

use crate::BoxError;

/// What a store does that it must not, or fails to do.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::conformance::Violation;
///
/// fn show(violation: &Violation) {
///     println!("{violation}");
/// }
/// ```
#[derive(Debug)]
pub struct Violation {
    rule: &'static str,
    source: Option<BoxError>,
}

impl Violation {
    pub(super) fn of(rule: &'static str) -> Self {
        Self { rule, source: None }
    }

    /// What every store must do.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule)
    }
}

impl StdError for Violation {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<BoxError> for Violation {
    fn from(source: BoxError) -> Self {
        Self {
            rule: "the store answers, and time passes",
            source: Some(source),
        }
    }
}

/// That a rule holds.
pub(super) fn hold(holds: bool, rule: &'static str) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation::of(rule))
    }
}
