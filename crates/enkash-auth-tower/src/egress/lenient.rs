//! HTTP/1.1 clients that accept what servers and middleboxes send in practice, as browsers do: a space before a
//! header's colon, folded lines, lines that are no header, and many headers.

use hyper::client::conn::http1;
use hyper_util::{client::legacy, rt::TokioExecutor};

/// Doubles hyper's default.
const MAX_HEADERS: usize = 200;

/// Creates the settings of one connection.
pub fn connection() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(MAX_HEADERS);
    builder
}

/// Creates the same settings for a pool.
pub fn pool() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS);
    builder
}
