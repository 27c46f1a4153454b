use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::choices::{Issuing, Refresh, Rejections, Rounding, Shape, Stated};
use crate::seconds;

/// How the issuer grants and answers; each rule can be changed while it runs.
///
/// Starts as the server family behind `/oauth/token` behaves: tokens of 24 hours that stay the same
/// until they expire, an account that locks after three refusals. In JSON the fields are named as
/// the methods here, and durations are seconds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Issuer, Issuing, Rules, Shape};
///
/// let rules = Rules::new()
///     .lifetime(Duration::from_secs(300))
///     .issuing(Issuing::Rotating)
///     .shape(Shape::A);
/// let issuer = Issuer::builder().rules(rules).build();
/// # let _ = issuer;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    #[serde(with = "seconds")]
    pub(crate) lifetime: Duration,
    pub(crate) issuing: Issuing,
    pub(crate) refresh: Refresh,
    #[serde(with = "seconds")]
    pub(crate) refresh_lifetime: Duration,
    pub(crate) shape: Shape,
    pub(crate) envelope: bool,
    pub(crate) rounding: Rounding,
    pub(crate) stated: Stated,
    pub(crate) result_code: i64,
    pub(crate) rejections: Rejections,
    pub(crate) lock_after: Option<u32>,
    #[serde(with = "seconds")]
    pub(crate) delay: Duration,
    pub(crate) date_header: bool,
}

impl Rules {
    /// The rules of the documented server.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lifetime: Duration::from_secs(86_400),
            issuing: Issuing::default(),
            refresh: Refresh::default(),
            refresh_lifetime: Duration::from_secs(30 * 86_400),
            shape: Shape::default(),
            envelope: false,
            rounding: Rounding::default(),
            stated: Stated::default(),
            result_code: 200,
            rejections: Rejections::default(),
            lock_after: Some(3),
            delay: Duration::ZERO,
            date_header: true,
        }
    }

    /// How long a token lives. Default: 24 hours. With zero it is over when it is granted.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What a grant does while an earlier token is still valid. Default: [`Issuing::Sticky`].
    #[must_use]
    pub fn issuing(mut self, issuing: Issuing) -> Self {
        self.issuing = issuing;
        self
    }

    /// What becomes of refresh tokens. Default: [`Refresh::Reused`].
    #[must_use]
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        self
    }

    /// How long a refresh token lives, counted from its grant. Default: 30 days.
    #[must_use]
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    /// The fields of a granted token. Default: [`Shape::Auto`].
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Whether answers are wrapped as `{response_code, response_message, payload, errorResponse}`.
    /// Default: no.
    #[must_use]
    pub fn envelope(mut self, envelope: bool) -> Self {
        self.envelope = envelope;
        self
    }

    /// How the seconds left become a whole number. Default: [`Rounding::Floored`].
    #[must_use]
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// What the lifetime field says. Default: [`Stated::Truth`].
    #[must_use]
    pub fn stated(mut self, stated: Stated) -> Self {
        self.stated = stated;
        self
    }

    /// The `resultCode` of a success in shape A: the documents show 200 and 0. Default: 200.
    #[must_use]
    pub fn result_code(mut self, result_code: i64) -> Self {
        self.result_code = result_code;
        self
    }

    /// How a refusal travels. Default: [`Rejections::ByStatus`].
    #[must_use]
    pub fn rejections(mut self, rejections: Rejections) -> Self {
        self.rejections = rejections;
        self
    }

    /// How many refusals in a row lock an account; `None` or 0 for never. Default: 3.
    #[must_use]
    pub fn lock_after(mut self, strikes: impl Into<Option<u32>>) -> Self {
        self.lock_after = strikes.into();
        self
    }

    /// How long the answer to a token request takes on its way back, after the token was granted
    /// or refused. Default: not at all.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Whether answers carry a `Date` header, by the issuer's clock. Default: yes.
    #[must_use]
    pub fn date_header(mut self, date_header: bool) -> Self {
        self.date_header = date_header;
        self
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}
