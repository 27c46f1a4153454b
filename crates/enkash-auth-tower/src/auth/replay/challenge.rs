use std::borrow::Cow;

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Returns whether one of the challenges (RFC 9110 section 11.6.1) is `Bearer` with `error="invalid_token"`.
///
/// There may be several in one header and several headers; malformed ones are skipped.
pub fn has_invalid_token(headers: &HeaderMap) -> bool {
    headers
        .get_all(WWW_AUTHENTICATE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .any(header_has_invalid_token)
}

fn header_has_invalid_token(value: &str) -> bool {
    let mut is_bearer = false;
    for item in items(value) {
        let (first, rest) = token(item.trim());
        // `name = value` belongs to the previous challenge; anything else begins another.
        let parameter = match rest.trim_start().strip_prefix('=') {
            Some(value) => Some((first, value)),
            None => {
                is_bearer = first.eq_ignore_ascii_case("bearer");
                let (name, rest) = token(rest.trim_start());
                let value = rest.trim_start().strip_prefix('=');
                value.map(|value| (name, value))
            }
        };
        if is_bearer
            && parameter.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("error") && unquoted(value.trim()) == "invalid_token"
            })
        {
            return true;
        }
    }
    false
}

/// Splits at the commas that are outside quotes.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |char| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match char {
            '"' => is_quoted = !is_quoted,
            '\\' => is_escaped = is_quoted,
            ',' => return !is_quoted,
            _ => {}
        }
        false
    })
}

/// Returns the token (RFC 9110 section 5.6.2) that `text` begins with, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let is_token = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char);
    let end = text.find(|char| !is_token(char)).unwrap_or(text.len());
    text.split_at(end)
}

/// Returns a parameter's value; empty if a quote is missing.
fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(quoted) = value.strip_prefix('"') else {
        return Cow::Borrowed(value);
    };
    let Some(text) = quoted.strip_suffix('"') else {
        return Cow::Borrowed("");
    };
    let mut is_escaped = false;
    text.chars()
        .filter(|char| {
            is_escaped = *char == '\\' && !is_escaped;
            !is_escaped
        })
        .collect()
}

#[cfg(test)]
#[path = "../../../tests/unit/challenge.rs"]
mod tests;
