use std::time::Duration;

use serde_json::Value;

use super::Lifetime;
use crate::response::number;

/// The longest span that is read in seconds.
const LONGEST: u64 = Lifetime::LONGEST.as_secs();

/// Holds what a token response says about the end of the token, in one of the units of the platform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// So long after the response was made; the server rounds down to whole seconds.
    In(Duration),
    /// At a point of the server's clock, in milliseconds since the Unix epoch.
    AtUnixMillis(u64),
    /// As [`AtUnixMillis`](Self::AtUnixMillis), by a guess, in seconds.
    AtUnixSeconds(u64),
    /// As [`In`](Self::In), by a guess.
    InGuessed(Duration),
    /// Zero or negative: already expired.
    Expired,
    /// Absent, or nothing that could be meant.
    Unknown,
}

impl Expiry {
    /// Reads `expires_in` (or `expiresIn`): seconds as documented, as a number or as a string. What
    /// makes no sense as such is read in the unit in which it does: see
    /// [`from_expiry`](Self::from_expiry).
    pub fn from_expires_in(value: &Value) -> Self {
        match (Self::from_expiry(value), whole(value)) {
            (Self::InGuessed(_), Some(seconds @ ..=LONGEST)) => {
                Self::In(Duration::from_secs(seconds))
            }
            (Self::AtUnixMillis(millis), _) => Self::AtUnixSeconds(millis / 1000),
            (expiry, _) => expiry,
        }
    }

    /// Reads `expiry`: milliseconds since the epoch as documented, as a number or as a string. What
    /// is too small for that is read as seconds since the epoch; below 1e9, as a span in
    /// milliseconds; up to 24 h, as one in seconds.
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

    /// Returns whether the unit is a guess: the value makes no sense in the documented one.
    pub fn is_unit_guessed(&self) -> bool {
        matches!(self, Self::AtUnixSeconds(_) | Self::InGuessed(_))
    }
}

/// Returns a whole number, rounded down and held inside the range of the type: 0 for what is negative.
fn whole(value: &Value) -> Option<u64> {
    number(value).map(|number| number.floor() as u64)
}
