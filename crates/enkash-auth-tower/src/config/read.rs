//! Values as people write them. No error shows one.

use std::{fmt, marker::PhantomData, str::FromStr, time::Duration};

use serde::de::{Deserializer, Error, Visitor};
use zeroize::Zeroizing;

use crate::store::OnStoreDown;

/// Text, a path or a secret.
pub(super) fn text<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    from.deserialize_any(Verbatim(PhantomData, "text in quotes"))
}

/// `1500ms`, `2m 30s`.
pub(super) fn duration<'de, D>(from: D) -> Result<Option<Duration>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Text(
        |text: &str| humantime::parse_duration(text).ok(),
        DURATION,
    ))
}

/// The same, or `never`.
pub(super) fn duration_or_never<'de, D>(from: D) -> Result<Option<Option<Duration>>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| match text {
        "never" => Some(None),
        text => humantime::parse_duration(text).ok().map(Some),
    };
    from.deserialize_any(Text(read, "a duration such as 15m, or never"))
}

/// `wait` or `attempt`.
pub(super) fn on_store_down<'de, D>(from: D) -> Result<Option<OnStoreDown>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = |text: &str| match text {
        "known-good" => Some(OnStoreDown::KnownGood),
        "hold" => Some(OnStoreDown::Hold),
        "attempt" => Some(OnStoreDown::Attempt),
        _ => None,
    };
    from.deserialize_any(Text(read, "known-good, hold or attempt"))
}

/// `true` or `false`.
pub(super) fn flag<'de, D>(from: D) -> Result<Option<bool>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Plain(PhantomData, "true or false"))
}

/// A number from 0.
pub(super) fn number<'de, D>(from: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Plain(PhantomData, "a whole number from 0 to 4294967295"))
}

const DURATION: &str = "a duration such as 1500ms or 2m 30s";

/// Refuses what is of another type: serde's own error would show it.
macro_rules! hide {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Err(E::custom(format_args!("not {}", self.1)))
        }
    )*};
}

/// What is taken as it stands.
struct Verbatim<T>(PhantomData<T>, &'static str);

impl<T> Visitor<'_> for Verbatim<T>
where
    T: From<String>,
{
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(Some(text.to_owned().into()))
    }

    /// One with room to spare would leave a copy behind where it is shrunk.
    fn visit_string<E: Error>(self, text: String) -> Result<Option<T>, E> {
        self.visit_str(&Zeroizing::new(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    hide!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
    hide!(visit_i128: i128, visit_u128: u128);
}

/// What is text in every format.
struct Text<F>(F, &'static str);

impl<'de, F, T> Visitor<'de> for Text<F>
where
    F: FnOnce(&str) -> Option<T>,
{
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        let Self(read, expected) = self;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let value = read(text.trim());
        value
            .map(Some)
            .ok_or_else(|| E::custom(format_args!("not {expected}")))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    hide!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
    hide!(visit_i128: i128, visit_u128: u128);
}

/// What is text in an environment and has a type of its own in a file.
struct Plain<T>(PhantomData<T>, &'static str);

impl<'de, T> Visitor<'de> for Plain<T>
where
    T: FromStr,
{
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let value = text.trim().parse();
        value
            .map(Some)
            .map_err(|_| E::custom(format_args!("not {}", self.1)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Option<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Option<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Option<T>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    hide!(visit_f64: f64, visit_i128: i128, visit_u128: u128);
}
