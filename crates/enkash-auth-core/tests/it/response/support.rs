//! Helpers that build responses.

use bytes::Bytes;
use enkash_auth_core::{
    Client, Credentials, FailedAttempt, Failure, Grant, ResponseBody, TokenResponse, User,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::support::SENT;

/// `SENT` as a `Date` header.
pub(crate) const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

pub(crate) fn credentials() -> Credentials {
    Credentials::password(
        Client::new("client-id", "cl1ent-s3cret"),
        User::new("user@example.com", "p4ssw0rd!"),
    )
}

/// A body as bytes, possibly truncated.
pub(crate) fn body(text: &str) -> ResponseBody {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    match text.strip_prefix("(truncated)") {
        Some(text) => ResponseBody::Truncated(bytes(text)),
        None if text == "(too large)" => ResponseBody::TooLarge,
        None => ResponseBody::Complete(bytes(text)),
    }
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], text: &str) -> TokenResponse {
    with_body(status, headers, body(text))
}

pub(crate) fn with_body(
    status: u16,
    headers: &[(&str, &str)],
    body: ResponseBody,
) -> TokenResponse {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a header name");
        map.append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    TokenResponse::new(status, map, body)
}

/// The result of a response for credentials that are not known good.
pub(crate) fn read(status: u16, headers: &[(&str, &str)], text: &str) -> Result<Grant, Failure> {
    let response = response(status, headers, text);
    response
        .read(SENT, &credentials(), false)
        .map_err(FailedAttempt::into_failure)
}
