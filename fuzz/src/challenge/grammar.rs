//! The grammar of RFC 9110 section 11.6.1, by recursive descent:
//!
//! ```text
//! WWW-Authenticate = [ challenge *( OWS "," OWS challenge ) ], empty elements allowed
//! challenge        = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
//! auth-param       = token BWS "=" BWS ( token / quoted-string )
//! ```

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Returns whether a bearer challenge has `error="invalid_token"`, or `expired_token`; `None` if a header
/// violates the grammar, or has a value in single quotes, of which they would be a part.
pub(super) fn says_invalid_token(headers: &HeaderMap) -> Option<bool> {
    let mut says = false;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let text = value.to_str().ok()?;
        says |= Reader(text).header()?;
    }
    Some(says)
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn header(mut self) -> Option<bool> {
        let mut says = false;
        loop {
            self.separators();
            if self.0.is_empty() {
                return Some(says);
            }
            says |= self.challenge()?;
        }
    }

    /// Parses up to the last parameter.
    fn challenge(&mut self) -> Option<bool> {
        let is_bearer = self.token()?.eq_ignore_ascii_case("bearer");
        let mut says = false;
        if !self.0.starts_with(' ') {
            return self.end().map(|()| false);
        }
        self.0 = self.0.trim_start_matches(' ');
        if self.token68() || self.end().is_some() {
            return self.end().map(|()| false);
        }
        for parameters in 0.. {
            let before = self.0;
            let Some((name, value)) = self.parameter() else {
                self.0 = before;
                return (parameters > 0).then_some(says);
            };
            let is_code = matches!(value.trim(), "invalid_token" | "expired_token");
            says |= is_bearer && name.eq_ignore_ascii_case("error") && is_code;
            self.end()?;
            self.separators();
        }
        None
    }

    /// Returns `None` if something else comes first.
    fn parameter(&mut self) -> Option<(&'a str, String)> {
        let name = self.token()?;
        self.0 = self.0.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        self.0 = self.0.trim_start_matches([' ', '\t']);
        let value = match self.0.strip_prefix('"') {
            Some(_) => self.quoted()?,
            None if self.0.starts_with('\'') => return None,
            None => self.token()?.to_owned(),
        };
        Some((name, value))
    }

    fn quoted(&mut self) -> Option<String> {
        let mut chars = self.0.char_indices().skip(1);
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(chars.next()?.1),
                char => text.push(char),
            }
        }
        None
    }

    /// Parses a token68 that is the whole challenge.
    fn token68(&mut self) -> bool {
        let is_of_it = |char: char| char.is_ascii_alphanumeric() || "-._~+/".contains(char);
        let rest = self.0.trim_start_matches(is_of_it);
        let after = rest.trim_start_matches('=');
        let is_alone = after.trim_start_matches([' ', '\t']);
        let found = rest.len() < self.0.len() && (is_alone.is_empty() || is_alone.starts_with(','));
        if found {
            self.0 = after;
        }
        found
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_of_it =
            |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char);
        let rest = self.0.trim_start_matches(is_of_it);
        let (token, rest) = self.0.split_at(self.0.len() - rest.len());
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn separators(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
    }

    /// Parses the end of a list element.
    fn end(&mut self) -> Option<()> {
        let rest = self.0.trim_start_matches([' ', '\t']);
        (rest.is_empty() || rest.starts_with(',')).then_some(())
    }
}
