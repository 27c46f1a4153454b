use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The path of a token request with password credentials, below the base address.
pub const FORM: &str = "/oauth/token";

/// The path of a token request with merchant keys.
pub const MERCHANT: &str = "/api/v0/merchant/token";

/// Whether a byte is a letter, a digit, `-` or `_`.
static PLAIN: [bool; 256] = plain();

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

/// Returns whether [`is_token_path`] can be `true`, by the last segment: one of letters, digits, `-` and `_` stays as it
/// is, whatever comes before it.
#[inline]
pub fn may_be_token_path(path: &str) -> bool {
    let path = path.as_bytes();
    let is_plain = |byte: &u8| PLAIN.get(usize::from(*byte)) == Some(&true);
    match path.iter().rposition(|byte| !is_plain(byte)) {
        Some(at) if path.get(at) == Some(&b'/') => match path.get(at + 1..) {
            Some([]) | None => true,
            Some(tail) => tail.eq_ignore_ascii_case(b"token"),
        },
        _ => true,
    }
}

/// Returns which bytes are letters, digits, `-` and `_`.
const fn plain() -> [bool; 256] {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if let Some(is) = plain
            .as_mut_slice()
            .split_at_mut(byte as usize)
            .1
            .first_mut()
        {
            *is = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        }
        byte += 1;
    }
    plain
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
