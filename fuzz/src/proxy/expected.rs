//! An independent implementation of RFC 9110 section 7.6.1, for intermediaries.

use http::{
    HeaderMap, HeaderName, Method, Uri,
    header::{CONNECTION, TRANSFER_ENCODING, UPGRADE},
};

const HOP_BY_HOP: &str = "connection keep-alive proxy-connection proxy-authenticate \
    proxy-authorization te trailer transfer-encoding upgrade";

/// Returns whether the request must be declined.
pub(super) fn is_declined(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let is_other = |name: HeaderName, than: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| !value.as_bytes().eq_ignore_ascii_case(than.as_bytes()))
    };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    matches!(method.as_str(), "CONNECT" | "TRACE")
        || is_other(UPGRADE, "h2c")
        || is_other(TRANSFER_ENCODING, "chunked")
        || !path.starts_with(['/', '?'])
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
