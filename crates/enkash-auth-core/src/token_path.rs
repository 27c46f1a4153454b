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
///
/// Servers differ in the order in which they remove these, and each proxy on the way decodes once more. So a path
/// is one if it is after any number of decodings.
pub fn is_token_path(path: &str) -> bool {
    if !may_be_token_path(path) {
        return false;
    }
    let mut path = Cow::Borrowed(path);
    for _ in 0..=LAYERS {
        let lower = path.to_lowercase();
        if is_decoded_token_path(&lower, &['/', '\\']) || is_decoded_token_path(&lower, &['/']) {
            return true;
        }
        let once = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if once == path {
            return false;
        }
        path = Cow::Owned(once);
    }
    true
}

/// Returns whether [`is_token_path`] can be `true`. Cheap for a path of 8 to 16 bytes.
// Always: called for every request.
#[inline(always)]
pub fn may_be_token_path(path: &str) -> bool {
    let path = path.as_bytes();
    match (path.first_chunk::<8>(), path.last_chunk::<8>()) {
        (Some(start), Some(end)) if path.len() <= 16 && !(may_have_k(start) | may_have_k(end)) => {
            false
        }
        _ => ends_in_token(path),
    }
}

/// Returns whether a `k`, which each token path has, can be in `path`: as it is, percent-encoded, or U+212A.
// Without a branch, for the compiler to make vectors of it. As signed numbers, bytes that are not ASCII are below `%`.
#[inline(always)]
fn may_have_k(path: &[u8]) -> bool {
    path.iter().fold(false, |found, byte| {
        found | (byte | 0x20 == b'k') | (byte.cast_signed() <= b'%'.cast_signed())
    })
}

/// Returns whether the last segment can be that of a token path: one of letters, digits, `-` and `_` stays as it is,
/// unless what comes before it is encoded.
#[inline(never)]
fn ends_in_token(path: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    may_have_k(path)
        && match path.iter().rposition(|byte| !is_plain(byte)) {
            Some(at) if path.get(at) == Some(&b'/') => match path.get(at + 1..) {
                Some([]) | None => true,
                // An encoded `?` may begin a query with slashes of its own.
                Some(tail) => tail.eq_ignore_ascii_case(b"token") || path.contains(&b'%'),
            },
            _ => true,
        }
}

/// Returns whether a lenient server may take a decoded path in lower case, whose segments `slashes` separate, for
/// that of a token request.
fn is_decoded_token_path(path: &str, slashes: &[char]) -> bool {
    let (mut names, mut goes_up) = (Vec::new(), false);
    for segment in path.split(slashes) {
        let (name, rest) = segment.split_at(segment.find([';', '?', '#']).unwrap_or(segment.len()));
        let name = name.trim_matches(|char: char| char.is_whitespace() || char.is_control());
        goes_up |= name == "..";
        match name.split('.').next() {
            None | Some("") => {}
            Some(name) => names.push(name),
        }
        // What follows may be a query.
        if rest.contains(['?', '#']) && names_end_in_token(&names, goes_up) {
            return true;
        }
    }
    names_end_in_token(&names, goes_up)
}

/// Returns whether `names` end in a token path. Which of them `..` removes is in doubt: an empty segment may be
/// one for a server, and `..;` may be a name.
fn names_end_in_token(names: &[&str], goes_up: bool) -> bool {
    [FORM, MERCHANT].iter().any(|path| {
        let wanted: Vec<_> = path.split('/').skip(1).collect();
        let mut rest = names.iter();
        match goes_up {
            true => wanted.iter().all(|name| rest.any(|other| other == name)),
            false => names.ends_with(&wanted),
        }
    })
}
