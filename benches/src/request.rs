//! The request of all measurements: three headers, and a token of 1,000 bytes to be added.

use http::{
    HeaderValue, Request,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};

/// A request with a free body: only the work on the head is measured.
pub type Call = Request<()>;

/// A URL at the test environment, which the token is for.
pub const URI: &str = "https://ekpayout-uat.enkash.in/api/v0/payouts";

/// Returns token `number`, as long as a JWT with a few claims.
pub fn token(number: u64) -> String {
    format!("{number:010}").repeat(100)
}

/// Returns a request without a token.
#[expect(clippy::expect_used, reason = "a constant, known to be good")]
pub fn request() -> Call {
    let mut request = Request::post(URI).body(()).expect("a request");
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("payouts/1.0"));
    request
}
