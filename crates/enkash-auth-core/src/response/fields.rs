use std::{borrow::Cow, iter};

use serde_json::{Map, Value};

use super::content::strip;
use crate::{Bearer, json::number, lifetime::Expiry};

/// The fields that hold the token, in the platform's response shapes. All names are compared ignoring case,
/// `_` and `-`: `access_token` matches `accessToken` and `ACCESS-TOKEN` too.
const TOKEN: [&str; 2] = ["access_token", "token"];

/// The fields that hold the code of a result.
const CODES: [&str; 4] = ["resultCode", "response_code", "code", "error_code"];

/// The fields whose values report a failure, unless they are empty.
const ERRORS: [&str; 3] = ["error", "errors", "error_response"];

/// The fields that describe a failure, the best description first.
const MESSAGES: [&str; 14] = [
    "error_description",
    "error_message",
    "result_message",
    "response_message",
    "message",
    "msg",
    "description",
    "detail",
    "details",
    "reason",
    "title",
    "exception",
    "error_response",
    "errors",
];

const SCHEME: &str = "bearer";

/// Finds the fields of a response of any shape: those of the body, then those in its envelope and in its
/// errors. Null counts as absent.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    body: Option<&'a Value>,
    objects: [Option<&'a Map<String, Value>>; 4],
}

impl<'a> Fields<'a> {
    /// Returns the fields of `body`; none if it is not an object.
    pub fn new(body: Option<&'a Value>) -> Self {
        let outer = body.and_then(Value::as_object);
        let inner = |name| named(outer?, name).find_map(Value::as_object);
        let [payload, error, response] = ["payload", "error", "error_response"].map(inner);
        Self {
            body,
            objects: [outer, payload, error, response],
        }
    }

    /// Returns the first usable token, without `Bearer` before it and white space around it.
    pub fn token(self) -> Option<Bearer> {
        if self.is_foreign_token_type() {
            return None;
        }
        let mut tokens = self.text_at(TOKEN).filter_map(clean);
        tokens.find_map(|token| Bearer::new(token).ok())
    }

    /// Returns whether there is a token, usable or not.
    pub fn has_token(self) -> bool {
        let mut tokens = self.text_at(TOKEN);
        tokens.any(|token| !token.trim().is_empty())
    }

    /// Returns every token in the response, of any kind, both verbatim and without its scheme.
    pub fn tokens(self) -> impl Iterator<Item = &'a str> {
        let tokens = self.text_at(TOKEN).chain(self.text_at(["refresh_token"]));
        tokens.flat_map(|token| iter::once(token).chain(clean(token)))
    }

    /// Returns whether there is a token type other than bearer (RFC 6750), in any case.
    pub fn is_foreign_token_type(self) -> bool {
        let mut kinds = self.named(["token_type"]).filter(|kind| !is_empty(kind));
        kinds.any(|kind| strip(kind.as_str().unwrap_or_default().trim(), SCHEME).is_none())
    }

    /// Returns every expiry of the token in the response.
    pub fn expiries(self) -> Vec<Expiry> {
        let relative = self.named(["expires_in"]).map(Expiry::from_expires_in);
        let absolute = self.named(["expiry"]).map(Expiry::from_expiry);
        relative.chain(absolute).collect()
    }

    /// Returns the codes other than success, each with the name of its field.
    pub fn failure_codes(self) -> impl Iterator<Item = (&'static str, &'a Value)> {
        CODES.into_iter().flat_map(move |name| {
            let codes = self.named([name]).filter(|code| !is_empty(code));
            codes.map(move |code| (name, code))
        })
    }

    /// Returns whether a code other than success is a number that matches `is`.
    pub fn has_code(self, is: impl Fn(i64) -> bool) -> bool {
        let mut codes = self.failure_codes().filter_map(|(_, code)| whole(code));
        codes.any(is)
    }

    /// Returns the code that represents a status: a result code from 400 to 599.
    pub fn status(self) -> Option<u16> {
        self.failure_codes()
            .filter(|(name, _)| *name != "error_code")
            .filter_map(|(_, code)| u16::try_from(whole(code)?).ok())
            .find(|code| (400..600).contains(code))
    }

    /// Returns whether the response has a failure code or an error.
    pub fn is_failure(self) -> bool {
        self.failure_codes().next().is_some() || self.named(ERRORS).any(|error| !is_empty(error))
    }

    /// Returns the error, if it is not an object.
    pub fn error(self) -> Option<&'a Value> {
        let mut errors = self.named(["error"]).filter(|error| !error.is_object());
        errors.find(|error| !is_empty(error))
    }

    /// Returns the best description of a failure.
    pub fn message(self) -> Option<Cow<'a, str>> {
        let mut messages = self.messages();
        messages.find(|message| !is_empty(message)).map(text)
    }

    fn messages(self) -> impl Iterator<Item = &'a Value> {
        let payload = self.named(["payload"]).filter(|value| value.is_string());
        self.named(MESSAGES).chain(payload)
    }

    /// Returns every text that may describe the failure.
    pub fn texts(self) -> Vec<&'a str> {
        let mut texts = Vec::new();
        if let Some(Value::Object(_)) = self.body {
            let values = self.named(ERRORS).chain(self.named(CODES));
            let values = values.chain(self.messages());
            values.for_each(|value| strings(value, &mut texts));
        } else if let Some(other) = self.body {
            strings(other, &mut texts);
        }
        texts
    }

    fn text_at<const N: usize>(self, names: [&'static str; N]) -> impl Iterator<Item = &'a str> {
        self.named(names).filter_map(Value::as_str)
    }

    /// Returns the values under `names`, the first name first, the outer ones before the inner ones.
    fn named<const N: usize>(self, names: [&'static str; N]) -> impl Iterator<Item = &'a Value> {
        names.into_iter().flat_map(move |name| {
            let objects = self.objects.into_iter().flatten();
            objects.flat_map(move |object| named(object, name))
        })
    }
}

fn named<'a>(fields: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    fields
        .iter()
        .filter(move |(key, value)| !value.is_null() && is_same(key, name))
        .map(|(_, value)| value)
}

/// Returns whether `name` is that of a field that holds a token.
pub fn is_token(name: &str) -> bool {
    TOKEN.iter().any(|token| is_same(name, token))
}

fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    let bytes = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    bytes.map(|byte| byte.to_ascii_lowercase())
}

/// Returns the token without its scheme; `None` for a placeholder such as `null`, or a token in quotes.
fn clean(token: &str) -> Option<&str> {
    let token = token.trim();
    let token = match token.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token.trim_start(),
        _ => token,
    };
    let absent = ["", "null", "undefined", "none", SCHEME];
    let is_absent = absent.iter().any(|word| token.eq_ignore_ascii_case(word));
    let is_quoted = token.starts_with(['"', '\'']) || token.ends_with(['"', '\'']);
    (!is_absent && !is_quoted).then_some(token)
}

/// Returns whether a code or an error is empty or means success: 0, 00, 0.0, 200, false, "", [], {}.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_failure) => !is_failure,
        Value::String(text) if text.trim().is_empty() => true,
        Value::Number(_) | Value::String(_) => {
            number(value).is_some_and(|code| code == 0.0 || code == 200.0)
        }
        Value::Array(values) => values.iter().all(is_empty),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

/// Returns a code that is a whole number, clamped to the range of the type.
fn whole(code: &Value) -> Option<i64> {
    let code = number(code)?;
    (code.fract() == 0.0).then_some(code as i64)
}

/// Returns a value as text: a string as it is, anything else as JSON.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Recurses as deep as the parser allowed.
fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
