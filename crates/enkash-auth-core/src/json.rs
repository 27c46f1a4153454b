use serde_json::{Error, Value};
use zeroize::{Zeroize, Zeroizing};

/// Parses `text`, with null for a number that is too large for a double and a space for a control character
/// in a string. The text of the error may quote the body.
pub fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).or_else(|error: Error| match text.starts_with(['{', '[']) {
        true => serde_json::from_str(&repaired(text)),
        false => Err(error),
    })
}

/// Returns `value` as a number, also if it is a numeric string.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

/// Overwrites every string, including the token. Recurses as deep as the parser allowed.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns text that can be parsed, no longer than `text`: a number that is too large for a double has at
/// least five characters.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn wipe_reaches_every_string() {
        let mut value = json!({ "a": "token", "b": [{ "c": ["token"] }, "token"], "d": 1 });
        super::wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": [""] }, ""], "d": 1 }));
    }
}
