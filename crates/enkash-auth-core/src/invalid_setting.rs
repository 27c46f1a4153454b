use std::{borrow::Cow, error::Error as StdError, fmt};

type Source = Box<dyn StdError + Send + Sync>;

/// Describes why a setting cannot be used; the text names it, and holds no secret.
#[derive(Debug)]
pub struct InvalidSetting {
    detail: Cow<'static, str>,
    source: Option<Source>,
}

impl InvalidSetting {
    pub(crate) fn new(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: detail.into(),
            source: None,
        }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Converts it into its text, which does not say that a setting is invalid, and its source.
    pub fn into_parts(self) -> (Cow<'static, str>, Option<Box<dyn StdError + Send + Sync>>) {
        (self.detail, self.source)
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid setting: {}", self.detail)
    }
}

impl StdError for InvalidSetting {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
