use std::time::Duration;

use serde_json::Value;

/// What a token answer says about the end of the token, in one of the units of the platform.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_core::lifetime::Expiry;
///
/// assert_eq!(Expiry::from_expires_in(&"86399".into()), Expiry::In(Duration::from_secs(86_399)));
/// assert_eq!(Expiry::from_expiry(&1_672_531_199_000_i64.into()), Expiry::AtUnixMillis(1_672_531_199_000));
/// assert_eq!(Expiry::from_expiry(&1_672_531_199.into()), Expiry::AtUnixSeconds(1_672_531_199));
/// assert_eq!(Expiry::from_expiry(&(-1).into()), Expiry::Over);
/// assert_eq!(Expiry::from_expiry(&"soon".into()), Expiry::Unknown);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// So long after the answer was made; the server rounds down to whole seconds.
    In(Duration),
    /// At a point of the server's clock, in milliseconds since the Unix epoch.
    AtUnixMillis(u64),
    /// As [`AtUnixMillis`](Self::AtUnixMillis), by a guess: in seconds where milliseconds are
    /// documented.
    AtUnixSeconds(u64),
    /// As [`In`](Self::In), by a guess: so many seconds where milliseconds since the epoch are
    /// documented.
    SecondsFromNow(u64),
    /// Zero or negative: already over.
    Over,
    /// Absent, or nothing that could be meant.
    Unknown,
}

impl Expiry {
    /// Reads `expires_in` (or `expiresIn`): seconds, as a number or as a string.
    pub fn from_expires_in(value: &Value) -> Self {
        match integer(value) {
            None => Self::Unknown,
            Some(..=0) => Self::Over,
            Some(seconds) => Self::In(Duration::from_secs(seconds.unsigned_abs())),
        }
    }

    /// Reads `expiry`: milliseconds since the epoch as documented; what is too small for that is
    /// taken as seconds since the epoch, and what is too small for those as seconds from now.
    pub fn from_expiry(value: &Value) -> Self {
        match integer(value) {
            Some(..=0) => Self::Over,
            Some(seconds @ ..1_000_000_000) => Self::SecondsFromNow(seconds.unsigned_abs()),
            Some(seconds @ ..100_000_000_000) => Self::AtUnixSeconds(seconds.unsigned_abs()),
            Some(millis @ ..100_000_000_000_000) => Self::AtUnixMillis(millis.unsigned_abs()),
            Some(_) | None => Self::Unknown,
        }
    }

    /// Whether the unit is a guess: the value makes no sense in the documented one.
    pub fn is_unit_guessed(&self) -> bool {
        matches!(self, Self::AtUnixSeconds(_) | Self::SecondsFromNow(_))
    }
}

/// A whole number, rounded down and held inside the range of the type, from a number or a string.
fn integer(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number
        .as_i64()
        .or_else(|| number.as_u64().map(|_| i64::MAX))
        // A float is cast saturating; there is no NaN in JSON.
        .or_else(|| number.as_f64().map(|float| float.floor() as i64))
}
