//! The choices that [`Rules`](crate::Rules) are made of.

use serde::{Deserialize, Serialize};

/// The fields in which a granted token is told.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Rules, Shape};
///
/// let rules = Rules::new().shape(Shape::C);
/// assert_ne!(rules, Rules::new());
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Issuing, Rules};
///
/// let rules = Rules::new().issuing(Issuing::Rotating);
/// assert_ne!(rules, Rules::new());
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Rounding, Rules};
///
/// let rules = Rules::new().rounding(Rounding::Exact);
/// assert_ne!(rules, Rules::new());
/// ```
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
/// The token lives as long as [`Rules::lifetime`](crate::Rules::lifetime) says in any case.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Rules, Stated};
///
/// let rules = Rules::new().stated(Stated::Absent);
/// assert_ne!(rules, Rules::new());
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Refresh, Rules};
///
/// let rules = Rules::new().refresh(Refresh::Off);
/// assert_ne!(rules, Rules::new());
/// ```
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
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Rejections, Rules};
///
/// let rules = Rules::new().rejections(Rejections::InBody);
/// assert_ne!(rules, Rules::new());
/// ```
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
