//! The shared text formats of inputs.

use std::{error::Error, fmt::Debug};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// Splits at the first blank line.
pub(crate) fn head_and_body(input: &[u8]) -> (&[u8], &[u8]) {
    match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[]),
    }
}

/// Splits off the first line.
pub(crate) fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[]),
    }
}

/// Parses the lines of the form `name: value`.
pub(crate) fn headers(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(64) {
        let Some(at) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..at]);
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// Replaces each `~x` in `text` by the secret of that letter.
pub(crate) fn fill(text: &str, secrets: &[(char, &str)]) -> String {
    let mut filled = text.to_owned();
    for (letter, secret) in secrets {
        filled = filled.replace(&format!("~{letter}"), secret);
    }
    filled
}

/// Escapes `text` for a JSON string.
pub(crate) fn json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns all output of `error` and its causes.
pub(crate) fn shown(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .map(|cause| format!("{cause}\n{cause:?}\n"))
        .collect()
}

/// Asserts that `text` does not contain `secret`, ignoring case.
#[track_caller]
pub(crate) fn hides(text: &str, secret: &str, of: &dyn Debug) {
    let is_shown = text
        .to_ascii_lowercase()
        .contains(&secret.to_ascii_lowercase());
    assert!(!is_shown, "{secret:?} of {of:?} is shown in {text:?}");
}
