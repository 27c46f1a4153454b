use std::fmt;

use crate::{Bearer, lifetime::Lifetime};

/// Holds what a token server granted: a token and its lifetime.
///
/// A refresh token in the response is dropped. Never shows the token under `{:?}`.
#[derive(Clone)]
pub struct Grant {
    pub(super) bearer: Bearer,
    pub(super) lifetime: Lifetime,
    pub(super) unit_guessed: bool,
}

impl Grant {
    /// Returns the token.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Returns its lifetime.
    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// Returns whether the unit of the field `expiry` had to be guessed because it is not the documented
    /// one: log a warning then.
    pub fn is_unit_guessed(&self) -> bool {
        self.unit_guessed
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("lifetime", &self.lifetime)
            .field("unit_guessed", &self.unit_guessed)
            .finish_non_exhaustive()
    }
}
