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
