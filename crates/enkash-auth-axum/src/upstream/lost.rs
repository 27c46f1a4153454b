use std::{error::Error as StdError, fmt};

use enkash_auth_tower::BoxError;

/// Why a call towards the upstream has no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The client was not ready for it, and not called.
    NotReady(BoxError),
    /// Neither did an answer come nor the request's body move for as long as either may take.
    Unanswered,
    /// The client failed.
    Failed(BoxError),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady(_) => "client not ready",
            Self::Unanswered => "no answer in time",
            Self::Failed(_) => "call failed",
        })
    }
}

impl StdError for Lost {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotReady(source) | Self::Failed(source) => Some(&**source),
            Self::Unanswered => None,
        }
    }
}
