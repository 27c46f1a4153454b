use std::{borrow::Cow, io::Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::{ResponseBody, TokenResponse, fields};
use crate::json;

/// How much of a body there is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Extent {
    Complete,
    Truncated,
    TooLarge,
}

/// Holds a body, decoded leniently: inflated, without a byte order mark, with invalid UTF-8 replaced, and
/// parsed if it is JSON. Wiped when dropped.
pub struct Content<'a> {
    text: Cow<'a, str>,
    extent: Extent,
    json: Option<Value>,
}

/// Parses a body as leniently as that of a token response; `None` if it is not JSON. If it is not gzip, it is
/// deflated if `is_deflate`, and otherwise not compressed.
#[doc(hidden)]
pub fn parse_body(body: &[u8], is_deflate: bool) -> Option<Value> {
    let body = ResponseBody::Complete(Bytes::copy_from_slice(body));
    Content::new(&body, is_deflate).json.take()
}

impl<'a> Content<'a> {
    /// Decodes `body`. If it is not gzip, it is deflated if `is_deflate`, and otherwise not compressed.
    pub fn new(body: &'a ResponseBody, is_deflate: bool) -> Self {
        let (bytes, extent): (&[u8], _) = match body {
            ResponseBody::Complete(bytes) | ResponseBody::Truncated(bytes)
                if bytes.len() > TokenResponse::MAX_BODY =>
            {
                (&[], Extent::TooLarge)
            }
            ResponseBody::Complete(bytes) => (bytes, Extent::Complete),
            ResponseBody::Truncated(bytes) => (bytes, Extent::Truncated),
            ResponseBody::TooLarge => (&[], Extent::TooLarge),
        };
        let (text, extent) = match inflate(bytes, is_deflate) {
            None => (text(bytes), extent),
            Some((bytes, end)) => (Cow::Owned(text(&bytes).into_owned()), extent.max(end)),
        };
        let mut content = Self {
            text,
            extent,
            json: None,
        };
        match json::parse(content.text()) {
            Ok(json) => content.json = Some(json),
            // Connections that end with the body, and some gateways, truncate it silently.
            Err(error) if error.is_eof() && !content.text().is_empty() => {
                content.extent = extent.max(Extent::Truncated);
            }
            Err(_) => {}
        }
        content
    }

    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    pub fn is_complete(&self) -> bool {
        self.extent == Extent::Complete
    }

    /// Returns whether it is an HTML page, whatever its content type.
    pub fn is_page(&self) -> bool {
        let starts = ["<!doctype html", "<html"];
        starts
            .iter()
            .any(|start| strip(self.text(), start).is_some())
    }

    /// Returns whether it was truncated inside a token or after one.
    pub fn is_cut_after_token(&self) -> bool {
        let mut quotes = self.text().match_indices('"');
        self.extent == Extent::Truncated
            && quotes.any(|(at, _)| self.text().get(at..).is_some_and(is_token_begun))
    }

    /// Returns why it cannot be a token response, if so. A complete HTML page has its own rule.
    pub fn damage(&self) -> Option<&'static str> {
        match self.extent {
            Extent::TooLarge => Some("the body is too large"),
            Extent::Truncated => Some("the body is truncated"),
            Extent::Complete if self.text().is_empty() => Some("the body is empty"),
            Extent::Complete if self.json.is_some() => None,
            Extent::Complete => Some("the body is not JSON"),
        }
    }

    /// Returns the texts in a body that is not JSON: between the tags of markup, or the quotes of truncated
    /// JSON.
    pub fn fragments(&self) -> impl Iterator<Item = &str> {
        self.text().split(['<', '>', '"'])
    }

    fn text(&self) -> &str {
        self.text.trim_start_matches('\u{feff}').trim()
    }
}

impl Drop for Content<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.text {
            text.zeroize();
        }
        self.json.iter_mut().for_each(json::wipe);
    }
}

/// Returns `text` without `prefix`, which is compared case-insensitively.
pub fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    // Room for every byte replaced: a buffer that grows leaves copies behind.
    let mut text = String::with_capacity(bytes.len() * char::REPLACEMENT_CHARACTER.len_utf8());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Cow::Owned(text)
}

/// Returns whether `text` begins with the name of a token in quotes and the first character of its value.
fn is_token_begun(text: &str) -> bool {
    text.strip_prefix('"')
        .and_then(|text| text.split_once('"'))
        .filter(|(name, _)| fields::is_token(name))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .and_then(|value| value.trim_start().strip_prefix('"'))
        .is_some_and(|value| !value.is_empty() && !value.starts_with('"'))
}

/// Inflates `bytes`, to at most [`TokenResponse::MAX_BODY`]; `None` if they are not compressed.
///
/// Gzip is recognised by its first two bytes, since some gateways drop `Content-Encoding`.
/// `deflate` is zlib's format (RFC 9110 section 8.4.1.2), or the raw one.
fn inflate(bytes: &[u8], is_deflate: bool) -> Option<(Zeroizing<Vec<u8>>, Extent)> {
    match bytes {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(bytes)),
        // A gateway has already inflated it.
        _ if !is_deflate || bytes.trim_ascii_start().starts_with(b"{") => None,
        [method, flags, ..]
            if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0 =>
        {
            read(ZlibDecoder::new(bytes))
        }
        _ => read(DeflateDecoder::new(bytes)),
    }
}

/// Reads to the end or the limit; `None` if an error came before any byte.
fn read(decoder: impl Read) -> Option<(Zeroizing<Vec<u8>>, Extent)> {
    let limit = TokenResponse::MAX_BODY;
    // With room to spare: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * limit));
    let end = decoder.take(limit as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > limit {
        bytes.clear();
        return Some((bytes, Extent::TooLarge));
    }
    match end {
        Ok(_) => Some((bytes, Extent::Complete)),
        Err(_) if bytes.is_empty() => None,
        Err(_) => Some((bytes, Extent::Truncated)),
    }
}
