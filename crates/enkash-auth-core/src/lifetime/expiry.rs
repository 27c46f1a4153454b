use std::time::Duration;

use serde_json::Value;

use super::Lifetime;
use crate::json::number;

/// The longest span that is read in seconds.
const LONGEST: u64 = Lifetime::LONGEST.as_secs();

/// Represents the expiry in a token response, in one of the units of the platform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// This long after the response was made; the server rounds down to whole seconds.
    In(Duration),
    /// At a time on the server's clock, in milliseconds since the Unix epoch.
    AtUnixMillis(u64),
    /// As [`AtUnixMillis`](Self::AtUnixMillis), in seconds; a guess.
    AtUnixSeconds(u64),
    /// As [`In`](Self::In); a guess.
    InGuessed(Duration),
    /// Zero or negative: already expired.
    Expired,
    /// Absent or implausible.
    Unknown,
}

impl Expiry {
    /// Reads `expires_in` (or `expiresIn`): seconds as documented, as a number or as a string. A value that
    /// is implausible in seconds is read in a plausible unit: see [`from_expiry`](Self::from_expiry).
    pub fn from_expires_in(value: &Value) -> Self {
        match (Self::from_expiry(value), whole(value)) {
            (Self::InGuessed(_), Some(seconds @ ..=LONGEST)) => {
                Self::In(Duration::from_secs(seconds))
            }
            (Self::AtUnixMillis(millis), _) => Self::AtUnixSeconds(millis / 1000),
            (expiry, _) => expiry,
        }
    }

    /// Reads `expiry`: milliseconds since the epoch as documented, as a number or as a string. A value that
    /// is too small for that is read as seconds since the epoch; below 1e9, as a span in milliseconds; up to
    /// 24 h, as one in seconds.
    pub fn from_expiry(value: &Value) -> Self {
        match whole(value) {
            Some(0) => Self::Expired,
            Some(seconds @ ..=LONGEST) => Self::InGuessed(Duration::from_secs(seconds)),
            Some(millis @ ..1_000_000_000) => Self::InGuessed(Duration::from_millis(millis)),
            Some(seconds @ ..100_000_000_000) => Self::AtUnixSeconds(seconds),
            Some(millis @ ..100_000_000_000_000) => Self::AtUnixMillis(millis),
            Some(_) | None => Self::Unknown,
        }
    }

    /// Returns whether the unit is a guess: the value is implausible in the documented one.
    pub fn is_unit_guessed(&self) -> bool {
        matches!(self, Self::AtUnixSeconds(_) | Self::InGuessed(_))
    }
}

/// Returns a whole number, rounded down and clamped to the range of the type: 0 for negative values.
fn whole(value: &Value) -> Option<u64> {
    number(value).map(|number| number.floor() as u64)
}
