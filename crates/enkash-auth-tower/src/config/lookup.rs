use std::{ffi::OsString, iter};

use serde::{
    Deserialize, Deserializer,
    de::{
        IntoDeserializer, Visitor,
        value::{Error, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use zeroize::Zeroizing;

use super::{Config, ConfigError, error::Problem};

/// Lists every key.
const KEYS: [&str; 29] = [
    "base_url",
    "environment",
    "client_id",
    "client_secret",
    "client_secret_file",
    "username",
    "password",
    "password_file",
    "company_id",
    "access_key",
    "access_key_file",
    "secret_key",
    "secret_key_file",
    "api_key",
    "api_key_file",
    "partner_id",
    "scheme",
    "token_store",
    "on_store_down",
    "keep_warm",
    "attempts",
    "max_waiters",
    "refresh_window_max",
    "expiry_margin_max",
    "fetch_timeout",
    "backoff_max",
    "retry_after_max",
    "wait_timeout",
    "retry_unresolved_after",
];

/// Reads the variables that `lookup` finds.
pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
    let mut set = Vec::new();
    for key in KEYS {
        let name = variable(key);
        let unusable = |why: String| ConfigError::new(name.clone(), Problem::Unusable(why));
        let Some(value) = lookup(&name) else {
            continue;
        };
        let value = value
            .into_string()
            .map(Zeroizing::new)
            .map_err(|_| unusable("not UTF-8".to_owned()))?;
        if value.trim().is_empty() {
            continue;
        }
        // Parsed alone first, so that an error names it.
        config(iter::once((key, value.as_str()))).map_err(|error| unusable(error.to_string()))?;
        set.push((key, value));
    }
    config(set.iter().map(|(key, value)| (*key, &***value))).map_err(|error| {
        ConfigError::new("ENKASH_*".to_owned(), Problem::Unusable(error.to_string()))
    })
}

fn config<'a>(set: impl Iterator<Item = (&'static str, &'a str)>) -> Result<Config, Error> {
    let set = set.map(|(key, value)| (key, Variable(value)));
    Config::deserialize(MapDeserializer::new(set))
}

/// Deserializes a variable: text, and always set.
#[derive(Clone, Copy)]
struct Variable<'a>(&'a str);

impl<'de> Deserializer<'de> for Variable<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct enum seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Variable<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Returns the name of `key` in an environment.
pub fn variable(key: &str) -> String {
    format!("ENKASH_{}", key.to_ascii_uppercase())
}
