//! Reads values as they are written by hand. No error shows one.

use std::{fmt, str::FromStr, time::Duration};

use serde::de::{Deserializer, Error, Visitor};
use zeroize::Zeroizing;

use crate::call_headers::Scheme;
use crate::store::OnStoreDown;

/// Reads text, a path or a secret, unchanged.
pub fn text<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let read = |text: &str| Some(text.to_owned().into());
    from.deserialize_any(Value::text(read, "text in quotes"))
}

/// Reads a duration: `1500ms`, `2m 30s`.
pub fn duration<'de, D>(from: D) -> Result<Option<Duration>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| humantime::parse_duration(text.trim()).ok();
    from.deserialize_any(Value::text(read, "a duration such as 1500ms or 2m 30s"))
}

/// Reads a duration, or `never`.
pub fn duration_or_never<'de, D>(from: D) -> Result<Option<Option<Duration>>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| match text.trim() {
        "never" => Some(None),
        text => humantime::parse_duration(text).ok().map(Some),
    };
    from.deserialize_any(Value::text(read, "a duration such as 15m, or never"))
}

/// Reads `known-good`, `hold` or `attempt`.
pub fn on_store_down<'de, D>(from: D) -> Result<Option<OnStoreDown>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| match text.trim() {
        "known-good" => Some(OnStoreDown::KnownGood),
        "hold" => Some(OnStoreDown::Hold),
        "attempt" => Some(OnStoreDown::Attempt),
        _ => None,
    };
    from.deserialize_any(Value::text(read, "known-good, hold or attempt"))
}

/// Reads `bearer` or `none`.
pub fn scheme<'de, D>(from: D) -> Result<Option<Scheme>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| match text.trim() {
        "bearer" => Some(Scheme::Bearer),
        "none" => Some(Scheme::None),
        _ => None,
    };
    from.deserialize_any(Value::text(read, "bearer or none"))
}

/// Reads `true` or `false`.
pub fn flag<'de, D>(from: D) -> Result<Option<bool>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Value::plain(parse, "true or false"))
}

/// Reads a number from 0.
pub fn number<'de, D>(from: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Value::plain(parse, "a whole number from 0 to 4294967295"))
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// Visits what is text in an environment. A blank value is none.
struct Value<F> {
    read: F,
    expected: &'static str,
    /// Whether it has a type of its own in a file.
    is_plain: bool,
}

impl<F> Value<F> {
    fn text(read: F, expected: &'static str) -> Self {
        Self {
            read,
            expected,
            is_plain: false,
        }
    }

    fn plain(read: F, expected: &'static str) -> Self {
        Self {
            read,
            expected,
            is_plain: true,
        }
    }

    /// Returns an error that does not show the value, as serde's own would.
    fn invalid<T, E: Error>(&self) -> Result<T, E> {
        Err(E::custom(format_args!("not {}", self.expected)))
    }
}

/// Visits what is text in an environment, and in a file of the type that is named.
macro_rules! visit {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E: Error>(self, value: $type) -> Result<Self::Value, E> {
            if self.is_plain {
                return self.visit_str(&value.to_string());
            }
            self.invalid()
        }
    )*};
}

/// Fails for a value of another type.
macro_rules! hide {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            self.invalid()
        }
    )*};
}

impl<F, T> Visitor<'_> for Value<F>
where
    F: FnOnce(&str) -> Option<T>,
{
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let expected = self.expected;
        let value = (self.read)(text);
        value
            .map(Some)
            .ok_or_else(|| E::custom(format_args!("not {expected}")))
    }

    /// Zeroizes the text: shrinking its buffer would leave a copy behind.
    fn visit_string<E: Error>(self, text: String) -> Result<Option<T>, E> {
        self.visit_str(&Zeroizing::new(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    visit!(visit_bool: bool, visit_u64: u64, visit_i64: i64);
    hide!(visit_f64: f64, visit_i128: i128, visit_u128: u128);
}
