//! Numbers in JSON: durations in seconds, possibly with a fraction, and statuses of final responses.

use std::time::Duration;

use http::StatusCode;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is a number in JSON.
pub(crate) trait Number: Copy {
    fn to_number(self) -> serde_json::Number;

    /// Converts a number; the error says what it is not.
    fn from_number(number: f64) -> Result<Self, String>;
}

impl Number for Duration {
    fn to_number(self) -> serde_json::Number {
        let whole = self.as_secs().into();
        match self.subsec_nanos() {
            0 => whole,
            _ => serde_json::Number::from_f64(self.as_secs_f64()).unwrap_or(whole),
        }
    }

    fn from_number(number: f64) -> Result<Self, String> {
        Self::try_from_secs_f64(number).map_err(|_| format!("{number} is not a number of seconds"))
    }
}

impl Number for StatusCode {
    fn to_number(self) -> serde_json::Number {
        self.as_u16().into()
    }

    fn from_number(number: f64) -> Result<Self, String> {
        // The cast saturates, and what it rounds is no status.
        Self::from_u16(number as u16)
            .ok()
            .filter(|status| status.as_u16() as f64 == number && !status.is_informational())
            .ok_or_else(|| format!("{number} is not a status of a final response"))
    }
}

pub(crate) fn serialize<T: Number, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.to_number().serialize(to)
}

pub(crate) fn deserialize<'de, T: Number, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::from_number(f64::deserialize(from)?).map_err(D::Error::custom)
}

/// Numbers that may be absent or null.
pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<T: Number, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(T::to_number).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Number, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let number = Option::<f64>::deserialize(from)?;
        let value = number.map(T::from_number).transpose();
        value.map_err(D::Error::custom)
    }
}
