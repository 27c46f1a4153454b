use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::seconds;

/// How the issuer grants and answers; each rule can be changed while it runs.
///
/// Starts as the server family behind `/oauth/token` behaves: tokens of 24 hours that stay the same
/// until they expire, an account that locks after three refusals. In JSON the fields are named as
/// the methods here, and durations are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
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
    /// Returns the rules of the documented server.
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

    /// Sets how long a token lives. Default: 24 hours. With zero it has expired when it is granted.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets what a grant does while an earlier token is valid. Default: [`Issuing::Sticky`].
    pub fn issuing(mut self, issuing: Issuing) -> Self {
        self.issuing = issuing;
        self
    }

    /// Sets what becomes of refresh tokens. Default: [`Refresh::Reused`].
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        self
    }

    /// Sets how long a refresh token lives from its grant. Default: 30 days.
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    /// Sets the fields of a granted token. Default: [`Shape::Auto`].
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Wraps answers as `{response_code, response_message, payload, errorResponse}`. Default: no.
    pub fn envelope(mut self, envelope: bool) -> Self {
        self.envelope = envelope;
        self
    }

    /// Sets how the seconds left become a whole number. Default: [`Rounding::Floored`].
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// Sets what the lifetime field says. Default: [`Stated::Truth`].
    pub fn stated(mut self, stated: Stated) -> Self {
        self.stated = stated;
        self
    }

    /// Sets the `resultCode` of a success in shape A: the documents show 200 and 0. Default: 200.
    pub fn result_code(mut self, result_code: i64) -> Self {
        self.result_code = result_code;
        self
    }

    /// Sets how a refusal travels. Default: [`Rejections::ByStatus`].
    pub fn rejections(mut self, rejections: Rejections) -> Self {
        self.rejections = rejections;
        self
    }

    /// Sets how many refusals in a row lock an account; `None` or 0 for never. Default: 3.
    pub fn lock_after(mut self, strikes: impl Into<Option<u32>>) -> Self {
        self.lock_after = strikes.into();
        self
    }

    /// Delays the answer to a token request, once it is granted or refused. Default: not at all.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends a `Date` header by the issuer's clock. Default: yes.
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

/// The fields in which a granted token is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shape {
    /// What the product pages show for the dialect: `B` for the form, `A` for JSON.
    #[default]
    Auto,
    /// `token`, `expiry` (absolute, Unix milliseconds), `resultCode`, `resultMessage`.
    A,
    /// `access_token`, `token_type`, `refresh_token`, `expires_in` (relative, seconds), `scope`.
    B,
    /// `accessToken`, `tokenType`, `refreshToken`, `expiresIn` (relative, seconds).
    C,
}

/// What a grant does while an earlier token of the account is still valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Issuing {
    /// Answers the same token until it expires, with a lifetime that shrinks.
    #[default]
    Sticky,
    /// Mints a token for each grant; the earlier ones stay valid until they expire.
    Rotating,
}

/// How the seconds that a token has left become a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rounding {
    /// Rounded down after at least a millisecond has passed: a fresh token of 300 s says 299.
    #[default]
    Floored,
    /// Rounded down: a fresh token of 300 s says 300.
    Exact,
}

/// What the lifetime field of a grant says: the truth, or a mistake seen on such platforms.
///
/// The token lives as long as [`Rules::lifetime`] says in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stated {
    /// What is documented: seconds left, or in shape A the end in Unix milliseconds.
    #[default]
    Truth,
    /// The truth as a number in a string.
    Quoted,
    /// In shape A, the end in Unix seconds; elsewhere the truth.
    UnixSeconds,
    /// In shape A, the seconds left; elsewhere the truth.
    SecondsLeft,
    /// 0.
    Zero,
    /// -1.
    Negative,
    /// The truth less the lifetime and an hour: over for an hour when it is fresh.
    HourAgo,
    /// The truth and three centuries.
    Centuries,
    /// No such field.
    Absent,
}

/// What becomes of refresh tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refresh {
    /// A refresh grant answers the refresh token that it was asked with.
    #[default]
    Reused,
    /// A refresh grant ends its refresh token and answers another.
    Rotated,
    /// No answer has a refresh token, and the refresh grant is not supported.
    Off,
}

/// How a refusal travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejections {
    /// With status 400 or 401.
    #[default]
    ByStatus,
    /// With status 200 and a `resultCode` (in an envelope, a `response_code`) that says no.
    InBody,
}
