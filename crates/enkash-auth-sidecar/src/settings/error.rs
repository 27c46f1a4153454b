use std::{borrow::Cow, error::Error as StdError, fmt};

/// An invalid variable. `Display` prints one line without its value.
///
/// # Examples
///
/// ```
/// use enkash_auth_sidecar::StoreSetting;
///
/// let error = StoreSetting::read(Some("floppy"), |_| None).unwrap_err();
/// assert_eq!(error.variable(), "ENKASH_TOKEN_STORE");
/// ```
#[derive(Debug)]
pub struct SettingError {
    variable: &'static str,
    why: Cow<'static, str>,
}

impl SettingError {
    pub(super) fn new(variable: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            variable,
            why: why.into(),
        }
    }

    /// Returns the name of the variable.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, why } = self;
        write!(f, "{variable}: {why}")
    }
}

impl StdError for SettingError {}
