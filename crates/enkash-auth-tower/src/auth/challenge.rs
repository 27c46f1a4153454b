//! Reads the challenges of a 401 (RFC 9110 section 11.6.1, RFC 6750 section 3) from bytes.
//!
//! What servers send is often not what the grammar says: no commas between parameters, one behind the scheme,
//! single quotes, bytes that are not ASCII. So a value is read as words and quoted strings. A word before `=`
//! names a parameter; any other word begins a challenge. What cannot be read is doubt, and ends the value.

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};

use super::Evidence;

/// Returns what the challenges in `headers`, those of a 401, say about the token.
pub fn evidence(headers: &HeaderMap) -> Evidence {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    of_values(values.map(HeaderValue::as_bytes))
}

/// Returns the strongest evidence. Without any challenge, the 401 may be about the token.
fn of_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> Evidence {
    values.filter_map(of_value).max().unwrap_or(Evidence::Doubt)
}

/// Returns the strongest evidence among the challenges of one header; `None` if it is empty.
fn of_value(value: &[u8]) -> Option<Evidence> {
    let mut words = Words(value);
    let mut challenges = Vec::new();
    let is_readable = loop {
        match words.next() {
            Ok(Some(Word::Scheme(name))) => challenges.push(Challenge::new(name)),
            Ok(Some(Word::Parameter(name, value))) => match challenges.last_mut() {
                Some(challenge) => challenge.set(name, value),
                None => break false,
            },
            Ok(Some(Word::Other)) => {}
            Ok(None) => break true,
            Err(Unreadable) => break false,
        }
    };
    let doubt = (!is_readable).then_some(Evidence::Doubt);
    challenges
        .iter()
        .map(Challenge::evidence)
        .chain(doubt)
        .max()
}

/// Holds one challenge, as far as it is read.
struct Challenge {
    is_bearer: bool,
    /// What its `error` says.
    error: Option<Evidence>,
}

impl Challenge {
    fn new(scheme: &[u8]) -> Self {
        Self {
            is_bearer: scheme.eq_ignore_ascii_case(b"bearer"),
            error: None,
        }
    }

    fn set(&mut self, name: &[u8], value: Text<'_>) {
        if !name.eq_ignore_ascii_case(b"error") {
            return;
        }
        let error = if value.is("invalid_token") || value.is("expired_token") {
            Evidence::Proof
        } else if value.is("insufficient_scope") {
            Evidence::Nothing
        } else {
            Evidence::Doubt
        };
        self.error = self.error.max(Some(error));
    }

    fn evidence(&self) -> Evidence {
        match self.is_bearer {
            true => self.error.unwrap_or(Evidence::Doubt),
            false => Evidence::Nothing,
        }
    }
}

/// Splits a header's value.
struct Words<'a>(&'a [u8]);

enum Word<'a> {
    Scheme(&'a [u8]),
    Parameter(&'a [u8], Text<'a>),
    /// It has a byte that no scheme may have.
    Other,
}

/// A quote is missing, or one too many.
struct Unreadable;

/// Holds a parameter's value, still escaped.
struct Text<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<Option<Word<'a>>, Unreadable> {
        self.take_while(is_separator);
        let word = self.take_while(|byte| !is_separator(byte) && !matches!(byte, b'=' | b'"'));
        self.take_while(is_space);
        if let Some(rest) = self.0.strip_prefix(b"=")
            && !word.is_empty()
        {
            self.0 = rest;
            self.take_while(is_space);
            return Ok(Some(Word::Parameter(word, self.text()?)));
        }
        match (word, self.0) {
            ([], []) => Ok(None),
            ([], _) => Err(Unreadable),
            _ if word.iter().copied().all(is_token) => Ok(Some(Word::Scheme(word))),
            _ => Ok(Some(Word::Other)),
        }
    }

    fn text(&mut self) -> Result<Text<'a>, Unreadable> {
        let text = match self.0 {
            [quote @ (b'"' | b'\''), rest @ ..] => {
                self.0 = rest;
                let mut is_escaped = false;
                let text = self.take_while(|byte| {
                    let was_escaped = is_escaped;
                    is_escaped = byte == b'\\' && !was_escaped;
                    was_escaped || byte != *quote
                });
                self.0 = self.0.strip_prefix(&[*quote]).ok_or(Unreadable)?;
                text
            }
            _ => self.take_while(|byte| !is_separator(byte) && byte != b'"'),
        };
        match self.0 {
            [next, ..] if !is_separator(*next) => Err(Unreadable),
            _ => Ok(Text(text)),
        }
    }

    fn take_while(&mut self, mut is: impl FnMut(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(*byte));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }
}

impl Text<'_> {
    /// Returns whether it is `code`, once unescaped.
    fn is(&self, code: &str) -> bool {
        let mut is_escaped = false;
        let unescaped = self.0.trim_ascii().iter().filter(|byte| {
            is_escaped = **byte == b'\\' && !is_escaped;
            !is_escaped
        });
        unescaped.eq(code.as_bytes())
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_separator(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b',' | b';')
}

/// Returns whether `byte` may be in a scheme (RFC 9110 section 5.6.2), or in the base64 behind one.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte)
}

#[cfg(test)]
#[path = "../../tests/unit/challenge.rs"]
mod tests;
