use http::{
    HeaderMap, Method, Request, StatusCode,
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
    } else if headers.contains_key(UPGRADE) {
        "upgrades are not supported"
    } else if !is_plain(headers) {
        "transfer codings but chunked are not supported"
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No).detail(detail))
}

/// Whether the body is in no coding but chunks, which the server undoes.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}
