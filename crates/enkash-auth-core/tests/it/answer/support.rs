//! Answers in one line.

use bytes::Bytes;
use enkash_auth_core::{AnswerBody, Client, Credentials, Error, Grant, TokenAnswer, User};
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

/// A body as bytes, unless it is one of the two names of a body that is not there.
pub(crate) fn body(text: &str) -> AnswerBody {
    match text {
        "(truncated)" => AnswerBody::Truncated,
        "(too large)" => AnswerBody::TooLarge,
        text => AnswerBody::Complete(Bytes::copy_from_slice(text.as_bytes())),
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], text: &str) -> TokenAnswer {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        })
        .collect();
    let status = StatusCode::from_u16(status).expect("a status");
    TokenAnswer::new(status, headers, body(text))
}

pub(crate) fn read(status: u16, headers: &[(&str, &str)], text: &str) -> Result<Grant, Error> {
    answer(status, headers, text).read(SENT, &credentials())
}
