use std::ops::Deref;

use serde_json::{Error, Value};
use zeroize::{Zeroize, Zeroizing};

/// Holds JSON whose strings, the token among them, are overwritten on drop.
pub(super) struct Json(Value);

/// Parses `text`, with null for a number that no double holds and a space for a control character
/// in a string. The error's own text may quote the body.
pub(super) fn parse(text: &str) -> Result<Json, Error> {
    serde_json::from_str(text)
        .or_else(|error: Error| match text.starts_with(['{', '[']) {
            true => serde_json::from_str(&repaired(text)),
            false => Err(error),
        })
        .map(Json)
}

/// Returns `value` as a number, also if it is a string that holds one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

/// Returns text that can be parsed, no longer than `text`: a number that no double holds has at least five
/// digits.
fn repaired(text: &str) -> Zeroizing<String> {
    let mut repaired = Zeroizing::new(String::with_capacity(text.len()));
    let (mut in_string, mut is_escaped) = (false, false);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let number = match in_string {
            true => 0,
            false => rest.find(is_no_number).unwrap_or(rest.len()),
        };
        let (taken, after) = rest.split_at(number.max(char.len_utf8()));
        rest = after;
        if number > 0 {
            let is_too_large = taken.parse().is_ok_and(f64::is_infinite);
            repaired.push_str(if is_too_large { "null" } else { taken });
            continue;
        }
        let is_control = in_string && char.is_ascii_control();
        repaired.push(if is_control { ' ' } else { char });
        in_string ^= char == '"' && !is_escaped;
        is_escaped = in_string && char == '\\' && !is_escaped;
    }
    repaired
}

fn is_no_number(char: char) -> bool {
    !matches!(char, '0'..='9' | '.' | '+' | '-' | 'e' | 'E')
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Json {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Recurses as deep as the parser allowed.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn drop_wipes_every_string() {
        let mut value = json!({ "a": "token", "b": [{ "c": ["token"] }, "token"], "d": 1 });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": [""] }, ""], "d": 1 }));
    }

    #[test]
    fn huge_number_is_null_and_control_character_is_space() {
        let long = "1".repeat(400);
        for (text, expected) in [
            (
                r#"{"a":1e400,"b":"1e400"}"#,
                json!({ "a": null, "b": "1e400" }),
            ),
            (
                r#"[-1e400, 2, true, "\"1e400\\"]"#,
                json!([null, 2, true, "\"1e400\\"]),
            ),
            (&format!("[{long},1]"), json!([null, 1])),
            ("{\"a\":\"b\n\tc\"}", json!({ "a": "b  c" })),
        ] {
            let parsed = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(*parsed, expected);
        }
        assert!(parse("[1e400").is_err_and(|error| error.is_eof()));
        assert!(parse("<1e400>").is_err());
    }
}
