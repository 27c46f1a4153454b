use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::number;

/// Defines the setter of each rule.
macro_rules! setters {
    ($($(#[$doc:meta])* $rule:ident: $value:ty;)*) => {$(
        $(#[$doc])*
        pub fn $rule(mut self, $rule: $value) -> Self {
            self.$rule = $rule.into();
            self
        }
    )*};
}

/// The behavior of the issuer; each rule can be changed at run time.
///
/// The defaults are those of the server family behind `/oauth/token`: tokens of 24 hours that are
/// reused until they expire, and an account that locks after three rejections. In JSON the fields are
/// named like the methods here, and durations are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Rules {
    #[serde(with = "number")]
    pub(crate) lifetime: Duration,
    pub(crate) issuing: Issuing,
    pub(crate) refresh: Refresh,
    #[serde(with = "number")]
    pub(crate) refresh_lifetime: Duration,
    pub(crate) shape: Shape,
    pub(crate) envelope: bool,
    pub(crate) rounding: Rounding,
    pub(crate) stated: Stated,
    pub(crate) result_code: i64,
    pub(crate) rejections: Rejections,
    pub(crate) lock_after: Option<u32>,
    #[serde(with = "number")]
    pub(crate) delay: Duration,
    pub(crate) date_header: bool,
    #[serde(with = "number::option")]
    pub(crate) payment_gateway: Option<StatusCode>,
    #[serde(with = "number")]
    pub(crate) accepted_after: Duration,
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
            payment_gateway: None,
            accepted_after: Duration::ZERO,
        }
    }

    setters! {
        /// Sets how long a token lives. Default: 24 hours. With zero it is already expired when granted.
        lifetime: Duration;
        /// Sets what a grant does while an earlier token is valid. Default: [`Issuing::Reusing`].
        issuing: Issuing;
        /// Sets how refresh tokens are handled. Default: [`Refresh::Reused`].
        refresh: Refresh;
        /// Sets how long a refresh token lives from its grant. Default: 30 days.
        refresh_lifetime: Duration;
        /// Sets the fields of a granted token. Default: [`Shape::Auto`].
        shape: Shape;
        /// Wraps responses as `{response_code, response_message, payload, errorResponse}`. Default: no.
        envelope: bool;
        /// Sets how the remaining seconds are rounded. Default: [`Rounding::Floored`].
        rounding: Rounding;
        /// Sets what the lifetime field states. Default: [`Stated::Truth`].
        stated: Stated;
        /// Sets the `resultCode` of a success in shape A: the documents show 200 and 0. Default: 200.
        result_code: i64;
        /// Sets how a rejection is sent. Default: [`Rejections::ByStatus`].
        rejections: Rejections;
        /// Sets how many consecutive rejections lock an account; `None` or 0 for never. Default: 3.
        lock_after: impl Into<Option<u32>>;
        /// Delays the response to a token request after the decision. Default: no delay.
        delay: Duration;
        /// Sends a `Date` header by the issuer's clock. Default: yes.
        date_header: bool;
        /// Makes the API that of the Payment Gateway. It rejects a token with this status, from 200 up, and
        /// `{"response_code": 117, "payload": "Token is invalid."}`, without a challenge. It takes a token with
        /// and without `Bearer`, and wants the access key of a merchant's token in `merchantAccessKey`.
        /// Default: `None`, an API that rejects a token with a challenge.
        payment_gateway: impl Into<Option<StatusCode>>;
        /// Sets the age at which the API begins to accept a token. Default: zero.
        accepted_after: Duration;
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of a granted token.
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
    /// Returns the same token until it expires, with a shrinking lifetime.
    #[default]
    Reusing,
    /// Mints a token for each grant; the earlier ones stay valid until they expire.
    Rotating,
}

/// How the remaining seconds of a token are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rounding {
    /// Rounded down after at least a millisecond has passed: 299 for a fresh token of 300 s.
    #[default]
    Floored,
    /// Rounded down: 300 for a fresh token of 300 s.
    Exact,
}

/// What the lifetime field of a grant states: the truth, or a mistake seen on such platforms.
///
/// The real lifetime is always that of [`Rules::lifetime`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stated {
    /// As documented: the remaining seconds, or in shape A the expiry in Unix milliseconds.
    #[default]
    Truth,
    /// The truth as a number in a string.
    Quoted,
    /// In shape A, the expiry in Unix seconds; elsewhere the truth.
    UnixSeconds,
    /// In shape A, the remaining seconds; elsewhere the truth.
    SecondsLeft,
    /// 0.
    Zero,
    /// -1.
    Negative,
    /// The truth less the lifetime and an hour: a fresh token expired an hour ago.
    HourAgo,
    /// The truth plus three centuries.
    Centuries,
    /// No such field.
    Absent,
}

/// How refresh tokens are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refresh {
    /// A refresh grant returns the same refresh token.
    #[default]
    Reused,
    /// A refresh grant revokes its refresh token and returns another.
    Rotated,
    /// No response has a refresh token, and the refresh grant is not supported.
    Off,
}

/// How a rejection is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejections {
    /// With status 400 or 401.
    #[default]
    ByStatus,
    /// With status 200 and a failing `resultCode` (in an envelope, `response_code`).
    InBody,
}
