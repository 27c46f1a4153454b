use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use form_urlencoded::byte_serialize;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{Credentials, credentials::GrantType};

/// Replaces what was removed.
const GAP: &str = "[…]";

/// The longest text that is repeated, in characters.
const MAX_CHARS: usize = 200;

/// A run of at least this many token characters counts as a token.
const TOKEN_RUN: usize = 16;

/// How many layers of encoding are removed. Of a text with more, nothing is repeated.
const LAYERS: usize = 8;

/// A secret shorter than this is hidden only as a separate word. Gaps inside the words of a common message
/// would reveal it.
const SHORT: usize = 4;

/// Removes secrets, tokens and unprintable characters from the server's text.
pub struct Filter {
    hidden: Vec<Zeroizing<String>>,
}

impl Filter {
    /// Creates a filter from the request's secrets and the `tokens` of its response.
    pub fn new<'a>(credentials: &'a Credentials, tokens: impl Iterator<Item = &'a str>) -> Self {
        let mut hidden: Vec<_> = credentials
            .secrets()
            .chain(tokens)
            .flat_map(spellings)
            .collect();
        if let GrantType::Password { client, .. } = &credentials.grant {
            let secret = client.secret.expose_secret();
            let pair = Zeroizing::new(format!("{}:{secret}", client.id));
            for engine in [BASE64_STANDARD, BASE64_STANDARD_NO_PAD] {
                hidden.push(Zeroizing::new(engine.encode(pair.as_bytes())));
            }
        }
        hidden.retain(|text| !text.is_empty());
        Self { hidden }
    }

    /// Returns `text` on one line, of at most 200 characters.
    ///
    /// It is truncated last, so that no part of a secret remains at the cut, and searched again after each
    /// change, since text may match a secret only once it is decoded, or printable.
    pub fn apply(&self, text: &str) -> String {
        let text = decoded(text, |text| Zeroizing::new(self.hide(text)));
        let text = Zeroizing::new(printable(&text));
        let text = Zeroizing::new(self.hide(&text));
        if text.chars().count() <= MAX_CHARS {
            return text.to_string();
        }
        text.chars().take(MAX_CHARS - 1).chain(['…']).collect()
    }

    /// Marks all matches before removing any: they may overlap.
    fn hide(&self, text: &str) -> String {
        let mut gaps = vec![false; text.len()];
        for secret in &self.hidden {
            mark_secret(text, secret, &mut gaps);
        }
        mark_tokens(text, &mut gaps);

        let mut kept = String::with_capacity(text.len());
        let mut in_gap = false;
        for (at, char) in text.char_indices() {
            let is_gap = gaps.get(at).copied().unwrap_or(true);
            match is_gap {
                true if in_gap => {}
                true => kept.push_str(GAP),
                false => kept.push(char),
            }
            in_gap = is_gap;
        }
        kept
    }
}

/// Returns the encodings in which a response may repeat a secret: raw, form, JSON; and decoded, for one that looks
/// encoded itself.
fn spellings(secret: &str) -> [Zeroizing<String>; 5] {
    let form = byte_serialize(secret.as_bytes()).collect();
    let quoted = Zeroizing::new(Value::from(secret).to_string());
    let json = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let decoded = decoded(secret, |text| Zeroizing::new(text.to_owned()));
    let plus = decoded.replace(' ', "+");
    [
        secret.to_owned(),
        form,
        json.to_owned(),
        plus,
        decoded.to_string(),
    ]
    .map(Zeroizing::new)
}

/// Removes percent-encoding, HTML's character references, and the escapes of JSON, in any order; before each layer
/// and at last, `text` is passed through `hide`.
fn decoded(text: &str, hide: impl Fn(&str) -> Zeroizing<String>) -> Zeroizing<String> {
    let mut text = hide(text);
    for _ in 0..LAYERS {
        let once = unescaped(&percent_decode_str(&text).decode_utf8_lossy());
        if *once == *text {
            return text;
        }
        text = hide(&once);
    }
    Zeroizing::new(GAP.to_owned())
}

fn unescaped(text: &str) -> Zeroizing<String> {
    let mut unescaped = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\\']) {
        let (before, escape) = rest.split_at(at);
        unescaped.push_str(before);
        let (char, after) = split_escape(escape).unwrap_or_else(|| {
            let mut chars = escape.chars();
            (chars.next().unwrap_or_default(), chars.as_str())
        });
        unescaped.push(char);
        rest = after;
    }
    unescaped.push_str(rest);
    unescaped
}

/// Returns the character that the escape at the beginning of `text` stands for, and what follows.
fn split_escape(text: &str) -> Option<(char, &str)> {
    const NAMED: [(&str, char); 8] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        (r#"\""#, '"'),
        (r"\\", '\\'),
        (r"\/", '/'),
    ];
    let named = |(name, char): &(_, char)| Some((*char, text.strip_prefix(name)?));
    if let Some(found) = NAMED.iter().find_map(named) {
        return Some(found);
    }
    if let Some((high, rest)) = split_unit(text) {
        let single = char::decode_utf16([high]).next()?;
        return single.ok().map(|char| (char, rest)).or_else(|| {
            let (low, rest) = split_unit(rest)?;
            let pair = char::decode_utf16([high, low]).next()?;
            Some((pair.ok()?, rest))
        });
    }
    let (number, rest) = text.strip_prefix("&#")?.split_once(';')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    Some((char::from_u32(code.ok()?)?, rest))
}

/// Splits off `\uXXXX`.
fn split_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.strip_prefix(r"\u")?.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

fn mark_secret(text: &str, secret: &str, gaps: &mut [bool]) {
    let is_short = secret.chars().nth(SHORT - 1).is_none();
    for (start, found) in text.as_bytes().windows(secret.len()).enumerate() {
        let end = start + secret.len();
        if found.eq_ignore_ascii_case(secret.as_bytes())
            && !(is_short && is_inside_word(text, start, end))
        {
            mark(gaps, start, end);
        }
    }
}

fn is_inside_word(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    before.into_iter().chain(after).any(char::is_alphanumeric)
}

fn mark_tokens(text: &str, gaps: &mut [bool]) {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(byte);
    let is_code_byte = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let mut start = 0;
    for run in text.as_bytes().split(|byte| !is_token_byte(byte)) {
        let end = start + run.len();
        if run.len() >= TOKEN_RUN && !run.iter().all(is_code_byte) {
            mark(gaps, start, end);
        }
        start = end + 1;
    }
}

fn mark(gaps: &mut [bool], start: usize, end: usize) {
    gaps.get_mut(start..end).unwrap_or_default().fill(true);
}

/// Returns one line without double quotes, since the text is quoted.
fn printable(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|char| match char {
            '"' => '\'',
            char if char.is_control() || is_format(char) => ' ',
            char => char,
        })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether `char` is one of Unicode's category Cf that hides or reorders text, or an unassigned
/// neighbour.
fn is_format(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
