use std::fmt;

use crate::{Bearer, lifetime::Lifetime};

/// What a token server granted: a token and how long it lives.
///
/// A refresh token in the answer is dropped. Never shows the token under `{:?}`.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_core::{AnswerBody, Credentials, Moment, TokenAnswer};
/// use http::{HeaderMap, StatusCode};
///
/// // Seconds where milliseconds are documented.
/// let body = Bytes::from_static(br#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":3600}"#);
/// let answer = TokenAnswer::new(StatusCode::OK, HeaderMap::new(), AnswerBody::Complete(body));
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let grant = answer.read(Moment::new(0, 0), &keys)?;
/// assert_eq!(grant.bearer().header(), "Bearer 2YotnFZFEjr1zCsicMWpAA");
/// assert!(grant.is_unit_guessed());
/// assert!(!format!("{grant:?}").contains("2Yotn"));
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Grant {
    pub(super) bearer: Bearer,
    pub(super) lifetime: Lifetime,
    pub(super) unit_guessed: bool,
}

impl Grant {
    /// The token.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// How long it lives.
    pub fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// Whether the unit of the field `expiry` had to be guessed, for it was not the documented one:
    /// something to warn about.
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
