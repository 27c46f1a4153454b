use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The path of a token request with password credentials, below the base address.
pub const FORM: &str = "/oauth/token";

/// The path of a token request with merchant keys.
pub const MERCHANT: &str = "/api/v0/merchant/token";

/// How many layers of percent-encoding are removed. A path with more is in doubt.
const LAYERS: usize = 8;

/// Returns whether a server may take `path` for that of a token request, below any base address and in any spelling:
/// percent-encoded, with backslashes, path parameters, dot segments, empty segments, another case, a suffix such as
/// `.json`. `true` in doubt.
pub fn is_token_path(path: &str) -> bool {
    may_be_token_path(path)
        && decoded(path).is_none_or(|path| {
            let path = normalized(&path);
            path.ends_with(FORM) || path.ends_with(MERCHANT)
        })
}

/// Returns whether [`is_token_path`] can be `true`, by the last segment.
#[inline]
pub fn may_be_token_path(path: &str) -> bool {
    // A segment of these characters stays as it is, whatever comes before it.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let tail = path.rsplit('/').next().unwrap_or(path).as_bytes();
    tail.is_empty() || tail.eq_ignore_ascii_case(b"token") || !tail.iter().all(is_plain)
}

/// Percent-decodes `path` until that changes nothing; `None` if it does not settle.
fn decoded(path: &str) -> Option<Cow<'_, str>> {
    let mut path = Cow::Borrowed(path);
    for _ in 0..=LAYERS {
        let once = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if once == path {
            return Some(path);
        }
        path = Cow::Owned(once);
    }
    None
}

/// Returns a decoded path as a lenient server reads it.
fn normalized(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split(['/', '\\']) {
        let name = segment.split([';', '?', '#']).next().unwrap_or_default();
        match name.trim_matches(|char: char| char.is_whitespace() || char.is_control()) {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    if let Some(last) = segments.last_mut() {
        *last = last.split('.').next().unwrap_or_default();
    }
    let path = segments
        .iter()
        .fold(String::new(), |path, name| path + "/" + name);
    path.to_lowercase()
}
