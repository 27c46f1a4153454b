//! The request that everything is measured on: three headers, and a token of 1,000 bytes to come.

use http::{
    HeaderValue, Request,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};

/// A body that costs nothing: what a layer does to the head is measured.
pub type Call = Request<()>;

/// The origin of the test installation, whose token it is.
pub const URI: &str = "https://ekpayout-uat.enkash.in/api/v0/payouts";

/// The token of that number, as long as a JWT with a few claims.
pub fn token(number: u64) -> String {
    format!("{number:010}").repeat(100)
}

/// A request without a token.
#[expect(clippy::expect_used, reason = "a constant, known to be good")]
pub fn request() -> Call {
    let mut request = Request::post(URI).body(()).expect("a request");
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("payouts/1.0"));
    request
}
