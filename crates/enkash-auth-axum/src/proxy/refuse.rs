use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{TRANSFER_ENCODING, UPGRADE},
};

use crate::problem::{Forwarded, Problem};

/// Refuses what would turn the connection into something else, for a token must not open a tunnel;
/// what would send the token back; and bodies in a coding that is about this connection only and
/// that nobody here undoes.
pub(super) fn unsupported<B>(request: &Request<B>) -> Result<(), Problem> {
    let headers = request.headers();
    let detail = if request.method() == Method::CONNECT {
        "CONNECT is not supported"
    } else if request.method() == Method::TRACE {
        "TRACE is not supported"
    } else if !headers.get_all(UPGRADE).iter().all(is_h2c) {
        "upgrades are not supported"
    } else if !is_plain(headers) {
        "transfer codings but chunked are not supported"
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No).detail(detail))
}

/// Java's client offers HTTP/2 with every request in the clear. Who does not take that up ignores it
/// (RFC 9110 section 7.8), and nothing but the same request is lost.
fn is_h2c(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"h2c")
}

/// Whether the body is in no coding but chunks, which the server undoes.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}
