//! An independent implementation of RFC 9110 section 7.6.1, for intermediaries.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE},
};

const HOP_BY_HOP: &str = "connection keep-alive proxy-connection proxy-authenticate \
    proxy-authorization te trailer transfer-encoding upgrade";

/// Returns whether the request must be declined.
pub(super) fn is_declined(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map_or(&[][..], HeaderValue::as_bytes);
    let content_type = String::from_utf8_lossy(content_type).to_ascii_lowercase();
    let is_grpc = content_type.starts_with("application/grpc")
        && !content_type.starts_with("application/grpc-");
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    matches!(method.as_str(), "CONNECT" | "TRACE")
        || is_other(headers, UPGRADE, "h2c")
        || has_foreign_coding(headers)
        || is_grpc
        || !path.starts_with(['/', '?'])
}

/// Returns whether a body has a transfer coding other than chunked.
pub(super) fn has_foreign_coding(headers: &HeaderMap) -> bool {
    is_other(headers, TRANSFER_ENCODING, "chunked")
}

fn is_other(headers: &HeaderMap, name: HeaderName, than: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.any(|value| !value.as_bytes().eq_ignore_ascii_case(than.as_bytes()))
}

/// Returns a path and query with the bytes encoded that RFC 3986 does not allow there.
pub(super) fn encoded(target: &str) -> String {
    let mut encoded = String::new();
    for byte in target.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Returns the end-to-end headers.
pub(super) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.to_ascii_lowercase()
    });
    let named: Vec<String> = named
        .flat_map(|text| {
            text.split(',')
                .map(|name| name.trim_matches([' ', '\t']).to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let is_hop_by_hop = |name: &str| {
        HOP_BY_HOP.split_whitespace().any(|known| known == name)
            || named.iter().any(|known| known == name)
    };
    let kept = headers
        .iter()
        .filter(|(name, _)| !is_hop_by_hop(name.as_str()));
    let mut left = HeaderMap::new();
    for (name, value) in kept {
        left.append(name, value.clone());
    }
    left
}

/// Returns the headers without these names.
pub(super) fn without(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut headers = headers.clone();
    for name in names {
        headers.remove(name);
    }
    headers
}
