use std::ffi::OsString;

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

/// Reads the variables that `lookup` finds.
pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
    Config::deserialize(Environment(lookup))
}

/// Deserializes a struct from the variables that its fields name.
struct Environment<F>(F);

impl<'de, F> Deserializer<'de> for Environment<F>
where
    F: Fn(&str) -> Option<OsString>,
{
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_unit()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let set = keys.iter().filter_map(|key| {
            let value = self.0(&variable(key))?;
            Some((*key, Variable { key, value }))
        });
        visitor.visit_map(MapDeserializer::new(set))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct enum seq tuple tuple_struct map identifier ignored_any
    }
}

/// Deserializes the text of a variable. An error names it.
struct Variable {
    key: &'static str,
    value: OsString,
}

impl<'de> Deserializer<'de> for Variable {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let unusable = |why| ConfigError::new(variable(self.key), Problem::Unusable(why));
        let text = self.value.into_string().map(Zeroizing::new);
        let text = text.map_err(|_| unusable("not UTF-8".to_owned()))?;
        visitor
            .visit_str(&text)
            .map_err(|error: Error| unusable(error.to_string()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct enum seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, ConfigError> for Variable {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Returns the name of `key` in an environment.
pub fn variable(key: &str) -> String {
    format!("ENKASH_{}", key.to_ascii_uppercase())
}
