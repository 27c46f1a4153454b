use std::borrow::Cow;

use serde_json::Value;
use zeroize::Zeroize;

use super::{
    ResponseBody, TokenResponse,
    inflate::inflate,
    json::{self, Json},
};

/// How much of a body there is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Extent {
    Complete,
    Truncated,
    TooLarge,
}

/// A body, decoded leniently: inflated, without a byte order mark, each byte that is not UTF-8
/// replaced, parsed where it is JSON. Wiped when it is dropped.
pub(super) struct Content<'a> {
    text: Cow<'a, str>,
    extent: Extent,
    json: Option<Json>,
}

impl<'a> Content<'a> {
    /// Decodes `body`. Where it is not gzip, it is deflated if `is_deflate`, and otherwise not compressed.
    pub(super) fn new(body: &'a ResponseBody, is_deflate: bool) -> Self {
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
            // Connections that end with the body, and some gateways, cut off without a trace.
            Err(error) if error.is_eof() && !content.text().is_empty() => {
                content.extent = extent.max(Extent::Truncated);
            }
            Err(_) => {}
        }
        content
    }

    pub(super) fn json(&self) -> Option<&Value> {
        self.json.as_deref()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.extent == Extent::Complete
    }

    /// Returns whether it is an HTML page, whatever its content type.
    pub(super) fn is_page(&self) -> bool {
        ["<!doctype html", "<html"].iter().any(|start| {
            let head = self.text().get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        })
    }

    /// Returns whether it was cut off inside a token or after one.
    pub(super) fn is_cut_after_token(&self) -> bool {
        self.extent == Extent::Truncated
            && self.text().match_indices('"').any(|(at, _)| {
                let rest = self.text().get(at..).unwrap_or_default();
                is_token_begun(rest)
            })
    }

    /// Returns why it cannot be a token response, if so. A complete HTML page is judged before.
    pub(super) fn damage(&self) -> Option<&'static str> {
        match self.extent {
            Extent::TooLarge => Some("the body is too large"),
            Extent::Truncated => Some("the body is cut off"),
            Extent::Complete if self.text().is_empty() => Some("the body is empty"),
            Extent::Complete if self.json.is_some() => None,
            Extent::Complete => Some("the body is not JSON"),
        }
    }

    /// Returns the texts in a body that is not JSON: between the tags of markup, or the quotes of truncated
    /// JSON.
    pub(super) fn fragments(&self) -> impl Iterator<Item = &str> {
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
    }
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
    ["\"access_token\"", "\"accesstoken\"", "\"token\""]
        .iter()
        .any(|name| {
            text.get(..name.len())
                .filter(|head| head.eq_ignore_ascii_case(name))
                .and_then(|_| text.get(name.len()..)?.trim_start().strip_prefix(':'))
                .and_then(|value| value.trim_start().strip_prefix('"'))
                .is_some_and(|value| !value.is_empty() && !value.starts_with('"'))
        })
}
