use std::ops::Deref;

use serde_json::Value;
use zeroize::Zeroize;

/// JSON whose strings are overwritten when it is dropped: the token is one of them.
pub(super) struct Wiped(pub(super) Value);

impl Deref for Wiped {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// As deep as the parser lets it be.
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
    fn no_string_is_left_however_deep() {
        let mut value = json!({ "a": "token", "b": [{ "c": ["token"] }, "token"], "d": 1 });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [{ "c": [""] }, ""], "d": 1 }));
    }
}
