use http::{Method, Request, StatusCode, header::UPGRADE};

use crate::problem::{Forwarded, Problem};

/// Refuses what would turn the connection into something else: a token must not open a tunnel.
pub(super) fn tunnels<B>(request: &Request<B>) -> Result<(), Problem> {
    let detail = if request.method() == Method::CONNECT {
        "CONNECT is not supported"
    } else if request.headers().contains_key(UPGRADE) {
        "upgrades are not supported"
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No).detail(detail))
}
