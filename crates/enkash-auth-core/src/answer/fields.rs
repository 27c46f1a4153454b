use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::lifetime::Expiry;

/// Where the shapes of the platform keep the token.
const TOKEN: [&str; 3] = ["access_token", "accessToken", "token"];

/// What else in an answer is a secret.
const REFRESH_TOKEN: [&str; 2] = ["refresh_token", "refreshToken"];

/// Where the platform tells in words what went wrong.
const MESSAGE: [&str; 4] = [
    "error_description",
    "resultMessage",
    "response_message",
    "errorResponse",
];

/// The fields of an answer, whichever shape it has: those of the body, then those in its envelope.
///
/// They are looked up by name, so that an answer may name the token twice. Null is absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    layers: [Option<&'a Map<String, Value>>; 2],
}

impl<'a> Fields<'a> {
    /// The fields of `body`; none where it is no object.
    pub(super) fn new(body: Option<&'a Value>) -> Self {
        let outer = body.and_then(Value::as_object);
        let payload = outer
            .and_then(|outer| outer.get("payload"))
            .and_then(Value::as_object);
        Self {
            layers: [outer, payload],
        }
    }

    /// The first token in the answer that is not empty.
    pub(super) fn token(self) -> Option<&'a str> {
        self.named(TOKEN)
            .filter_map(Value::as_str)
            .find(|token| !token.is_empty())
    }

    /// Every token in the answer, of whatever kind.
    pub(super) fn tokens(self) -> impl Iterator<Item = &'a str> {
        self.named(TOKEN)
            .chain(self.named(REFRESH_TOKEN))
            .filter_map(Value::as_str)
    }

    /// Whether there is a token type, and one that is not bearer (RFC 6750).
    pub(super) fn is_foreign_token_type(self) -> bool {
        self.named(["token_type", "tokenType"]).any(|kind| {
            !kind
                .as_str()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        })
    }

    /// Everything that is said about the end of the token.
    pub(super) fn expiries(self) -> Vec<Expiry> {
        let relative = self.named(["expires_in", "expiresIn"]);
        let absolute = self.named(["expiry"]);
        relative
            .map(Expiry::from_expires_in)
            .chain(absolute.map(Expiry::from_expiry))
            .collect()
    }

    /// The codes that do not say success, each with the name of its field.
    pub(super) fn failure_codes(self) -> impl Iterator<Item = (&'static str, &'a Value)> {
        let result = self
            .named(["resultCode"])
            .filter(|code| !matches!(number(code), Some(0 | 200)))
            .map(|code| ("resultCode", code));
        let response = self
            .named(["response_code"])
            .filter(|code| number(code) != Some(0))
            .map(|code| ("response_code", code));
        result.chain(response)
    }

    /// Whether a code that does not say success is a number that `wanted` knows.
    pub(super) fn has_code(self, wanted: impl Fn(i64) -> bool) -> bool {
        self.failure_codes()
            .filter_map(|(_, code)| number(code))
            .any(wanted)
    }

    /// Whether `error` is this code of RFC 6749.
    pub(super) fn has_error(self, code: &str) -> bool {
        self.errors().any(|error| error.as_str() == Some(code))
    }

    /// What is in `error`.
    pub(super) fn errors(self) -> impl Iterator<Item = &'a Value> {
        self.named(["error"])
    }

    /// Whether the answer has any field of a failure.
    pub(super) fn is_failure(self) -> bool {
        self.failure_codes().next().is_some()
            || self.named(["error", "errorResponse"]).next().is_some()
    }

    /// What the server says in words.
    pub(super) fn messages(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.named(MESSAGE)
            .map(text)
            .filter(|text| !text.trim().is_empty())
    }

    /// Whether the server says that the account is locked or disabled. What is blocked is an
    /// address, as a rule.
    pub(super) fn is_locked(self) -> bool {
        self.messages().chain(self.errors().map(text)).any(|text| {
            let text = text.to_ascii_lowercase().replace("blocked", "");
            text.contains("locked") || text.contains("disabled")
        })
    }

    /// The values under `names`, the first name first, the envelope's after the outer ones.
    fn named<const N: usize>(self, names: [&'static str; N]) -> impl Iterator<Item = &'a Value> {
        names
            .into_iter()
            .flat_map(move |name| {
                let layers = self.layers.into_iter().flatten();
                layers.filter_map(move |layer| layer.get(name))
            })
            .filter(|value| !value.is_null())
    }
}

/// A value in words: a string as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A code, which some answers have in a string.
fn number(code: &Value) -> Option<i64> {
    match code {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
