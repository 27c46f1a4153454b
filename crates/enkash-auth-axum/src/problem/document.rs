use std::{borrow::Cow, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;

use super::Forwarded;

/// A failure for a program to read: `application/problem+json` (RFC 9457).
///
/// Beside the standard members it has `forwarded` and, where they are known, `class` (the
/// [kind](enkash_auth_tower::core::ErrorKind::as_str) of the token error) and `retry_after` in seconds,
/// which is also the `Retry-After` header.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use axum::response::IntoResponse;
/// use enkash_auth_axum::{Forwarded, Problem};
/// use http::StatusCode;
///
/// let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::No)
///     .detail("too many requests at once")
///     .retry_after(Duration::from_millis(1_500));
/// let response = problem.into_response();
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert_eq!(response.headers()["retry-after"], "2");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a problem says nothing until it is a response"]
pub struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: Cow<'static, str>,
    pub(super) forwarded: Forwarded,
    pub(super) class: Option<&'static str>,
    pub(super) retry_after: Option<Duration>,
}

/// What is sent. The type of a problem is the absent one, `about:blank`: its title is the status.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    forwarded: Forwarded,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    /// A failure with `status`.
    pub fn new(status: StatusCode, forwarded: Forwarded) -> Self {
        Self {
            status,
            detail: Cow::Borrowed(""),
            forwarded,
            class: None,
            retry_after: None,
        }
    }

    /// What happened, for a person; without a secret.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// When to try again; rounded up to whole seconds, at least one.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The status it is sent with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the request reached the upstream.
    pub fn forwarded(&self) -> Forwarded {
        self.forwarded
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after.map(whole_seconds);
        let document = Document {
            title: self.status.canonical_reason().unwrap_or("Failure"),
            status: self.status.as_u16(),
            detail: &self.detail,
            forwarded: self.forwarded,
            class: self.class,
            retry_after,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn whole_seconds(after: Duration) -> u64 {
    let up = u64::from(after.subsec_nanos() > 0);
    after.as_secs().saturating_add(up).max(1)
}
