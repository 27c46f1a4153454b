use std::fmt;

use bytes::Bytes;

use super::{TokenAnswer, wiped::Wiped};

/// How much of an answer's body there is.
///
/// Its bytes hold the token: they never appear under `{:?}`.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_core::AnswerBody;
///
/// let body = AnswerBody::Complete(Bytes::from_static(br#"{"access_token":"2YotnFZFEjr1zCsicMWpAA"}"#));
/// assert_eq!(format!("{body:?}"), "Complete(41 bytes)");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum AnswerBody {
    /// All of it.
    Complete(Bytes),
    /// The connection ended, or the time was up, before the body did.
    Truncated,
    /// More than [`TokenAnswer::MAX_BODY`]; the rest was not read.
    TooLarge,
}

impl AnswerBody {
    /// The body as JSON, or what is wrong with it.
    pub(super) fn parse(&self) -> Result<Wiped, &'static str> {
        match self {
            Self::Truncated => Err("the body is cut off"),
            Self::TooLarge => Err("the body is too large"),
            Self::Complete(bytes) if bytes.len() > TokenAnswer::MAX_BODY => {
                Err("the body is too large")
            }
            Self::Complete(bytes) if bytes.trim_ascii().is_empty() => Err("the body is empty"),
            // The parser's own message may quote the body.
            Self::Complete(bytes) => serde_json::from_slice(bytes)
                .map(Wiped)
                .map_err(|_| "the body is no JSON"),
        }
    }

    /// Whether it begins like markup.
    pub(super) fn is_markup(&self) -> bool {
        matches!(self, Self::Complete(bytes) if bytes.trim_ascii_start().starts_with(b"<"))
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete(bytes) => write!(f, "Complete({} bytes)", bytes.len()),
            Self::Truncated => f.write_str("Truncated"),
            Self::TooLarge => f.write_str("TooLarge"),
        }
    }
}
