use std::fmt;

use bytes::Bytes;

/// Holds the body of a response, as far as it arrived.
///
/// Its bytes hold the token: they never appear under `{:?}`.
#[derive(Clone)]
#[non_exhaustive]
pub enum ResponseBody {
    /// The whole body.
    Complete(Bytes),
    /// What arrived before the connection ended or the fetch timed out.
    Truncated(Bytes),
    /// More than [`TokenResponse::MAX_BODY`](crate::TokenResponse::MAX_BODY); the rest was not read.
    TooLarge,
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete(bytes) => write!(f, "Complete({} bytes)", bytes.len()),
            Self::Truncated(bytes) => write!(f, "Truncated({} bytes)", bytes.len()),
            Self::TooLarge => f.write_str("TooLarge"),
        }
    }
}
