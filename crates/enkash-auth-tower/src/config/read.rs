//! Reads values as they are written by hand. No error shows one.

use std::{fmt, marker::PhantomData, ops::Deref, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use zeroize::Zeroizing;

use crate::call_headers::Scheme;
use crate::store::OnStoreDown;

/// Represents a value that is text in an environment.
pub trait Setting: Sized {
    /// What a value is. An error says what another is not, and does not show it as serde's own would.
    const EXPECTED: &'static str;

    /// Whether a file holds it in quotes, also if it looks like a number.
    const IS_QUOTED: bool = false;

    fn read(text: &str) -> Option<Self>;
}

/// Reads text, a path or a secret, unchanged.
macro_rules! text {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = "text in quotes";
            const IS_QUOTED: bool = true;

            fn read(text: &str) -> Option<Self> {
                Some(text.to_owned().into())
            }
        }
    )*};
}

text!(String, SecretString, PathBuf);

/// As `1500ms` or `2m 30s`.
impl Setting for Duration {
    const EXPECTED: &'static str = "a duration such as 1500ms or 2m 30s";

    fn read(text: &str) -> Option<Self> {
        humantime::parse_duration(text.trim()).ok()
    }
}

/// A duration, or `never`.
impl Setting for Option<Duration> {
    const EXPECTED: &'static str = "a duration such as 15m, or never";

    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "never" => Some(None),
            text => Duration::read(text).map(Some),
        }
    }
}

/// Reads a duration, or `never`, which is none.
pub fn duration_or_never(text: &str) -> Option<Option<Duration>> {
    Setting::read(text)
}

impl Setting for OnStoreDown {
    const EXPECTED: &'static str = "known-good, hold or attempt";

    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "known-good" => Some(Self::KnownGood),
            "hold" => Some(Self::Hold),
            "attempt" => Some(Self::Attempt),
            _ => None,
        }
    }
}

impl Setting for Scheme {
    const EXPECTED: &'static str = "bearer or none";

    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "bearer" => Some(Self::Bearer),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Setting for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

/// Holds what a key is set to. A blank value is none.
#[derive(Clone)]
pub struct Set<T>(Option<T>);

impl<T: Copy> Set<T> {
    /// Replaces `default`, if a value is set.
    pub fn replace(&self, default: &mut T) {
        *default = self.0.unwrap_or(*default);
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Set<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: Setting> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Value(PhantomData)).map(Self)
    }
}

struct Value<T>(PhantomData<T>);

fn invalid<T: Setting, E: Error>() -> E {
    E::custom(format_args!("not {}", T::EXPECTED))
}

/// Visits what is text in an environment, and in a file of the type that is named.
macro_rules! visit {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E: Error>(self, value: $type) -> Result<Self::Value, E> {
            match T::IS_QUOTED {
                true => Err(invalid::<T, E>()),
                false => self.visit_str(&value.to_string()),
            }
        }
    )*};
}

impl<T: Setting> Visitor<'_> for Value<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        T::read(text).map(Some).ok_or_else(invalid::<T, E>)
    }

    /// Zeroizes the text: shrinking its buffer would leave a copy behind.
    fn visit_string<E: Error>(self, text: String) -> Result<Option<T>, E> {
        self.visit_str(&Zeroizing::new(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    visit!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64, visit_i128: i128, visit_u128: u128);
}
