//! Failures as RFC 9457 has them, and whether the request was forwarded.
//!
//! What proves that nothing left:
//!
//! 1. Errors of the token layer: it raises them before it calls the service below. What that
//!    service fails with is wrapped beneath it (`Lost`), so neither passes for the other.
//! 2. A service below that was not ready: it was not called.
//! 3. A connection that never stood, as hyper-util's client says of itself, and what says so by
//!    being wrapped in [`NotSent`]. Only the error itself is asked, not its sources: those may be
//!    about anything.
//!
//! All else proves nothing: the request, or a part of it, may have been read and acted upon.
//!
//! A stack of the user's is known less well than the proxy's own: it may follow redirects, and then
//! an error of the token layer may be about a later hop. The first of them, of the same call, was
//! answered. So there it counts only where the call that was not made is one that acts: after one
//! that did, a redirect leads to a question (303) or repeats what the server did not do (307, 308).

use std::{borrow::Cow, error::Error as StdError, io, iter, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use enkash_auth_tower::{
    BoxError, NotCalled, NotSent,
    core::{Error, ErrorKind},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::{Serialize, Serializer};
use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};

use crate::patience::Lost;

/// When to come again where it is not known, but all will soon be well.
const SOON: Duration = Duration::from_secs(1);

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
    status: StatusCode,
    detail: Cow<'static, str>,
    forwarded: Forwarded,
    class: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// Creates a failure with `status`.
    pub fn new(status: StatusCode, forwarded: Forwarded) -> Self {
        Self {
            status,
            detail: Cow::Borrowed(""),
            forwarded,
            class: None,
            retry_after: None,
        }
    }

    /// Says what happened, for a log or a screen; without a secret.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets when to try again; rounded up to whole seconds, at least one.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Returns the status it is sent with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns whether the request reached the upstream.
    pub fn forwarded(&self) -> Forwarded {
        self.forwarded
    }

    /// Says what a call through the token layer failed with.
    pub(crate) fn of_call(error: &BoxError) -> Self {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.into();
        }
        match error.downcast_ref::<Lost>() {
            Some(Lost::NotReady(_)) => Self::new(StatusCode::BAD_GATEWAY, Forwarded::No)
                .detail("the client towards the upstream is not usable"),
            Some(Lost::Unanswered) => Self::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::Unknown)
                .detail("no answer from the upstream in time"),
            Some(Lost::Failed(source)) if NotSent::is_said_by(&**source) => not_connected(source),
            Some(Lost::Failed(_)) | None => Self::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown)
                .detail("the connection to the upstream broke before an answer was there"),
        }
    }
}

/// Whether the request of a failed call reached the upstream: the sender of a payment must know.
///
/// In JSON `false` or `"unknown"`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a call that failed certainly stayed here, or it is not known"
)]
pub enum Forwarded {
    /// Certainly not: it can be sent again.
    No,
    /// Not known.
    Unknown,
}

impl Serialize for Forwarded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

/// No token, so no call.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::StoreUnavailable | ErrorKind::Saturated => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorKind::WaitTimeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        let problem = Self {
            class: Some(error.kind().as_str()),
            ..Self::new(status, Forwarded::No).detail(error.to_string())
        };
        match error.retry_after() {
            // The time of the next look at the store: no use to a caller.
            _ if error.kind().is_closed() => problem,
            Some(after) => problem.retry_after(after),
            None if error.is_transient() => problem.retry_after(SOON),
            None => problem,
        }
    }
}

/// No token, so no call.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// What a call through a stack with the token layer failed with, or a server's stack.
///
/// `forwarded` is [`No`](Forwarded::No) where the token layer proves that a call which acts (a POST,
/// say) was not made. It is [`Unknown`](Forwarded::Unknown) otherwise; with better
/// knowledge, build a problem of your own.
///
/// # Examples
///
/// ```
/// use axum::{BoxError, Router, error_handling::HandleErrorLayer};
/// use enkash_auth_axum::Problem;
/// use std::time::Duration;
/// use tower::{ServiceBuilder, timeout::TimeoutLayer};
///
/// let app: Router = Router::new().layer(
///     ServiceBuilder::new()
///         .layer(HandleErrorLayer::new(|error: BoxError| async { Problem::from(error) }))
///         .layer(TimeoutLayer::new(Duration::from_secs(10))),
/// );
/// ```
impl From<BoxError> for Problem {
    fn from(error: BoxError) -> Self {
        if let Some(not_called) = NotCalled::of(&*error) {
            let problem = Self::from(not_called.error());
            let forwarded = if not_called.method().is_safe() {
                Forwarded::Unknown
            } else {
                Forwarded::No
            };
            return Self {
                forwarded,
                ..problem
            };
        }
        if error.is::<Elapsed>() {
            return Self::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::Unknown)
                .detail("no answer in time");
        }
        if error.is::<Overloaded>() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::Unknown)
                .detail("too many calls at once")
                .retry_after(SOON);
        }
        // What it says may be about anything; it is for a log.
        Self::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown).detail("the call failed")
    }
}

fn not_connected(source: &BoxError) -> Problem {
    if is_timeout(&**source) {
        return Problem::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::No)
            .detail("no connection to the upstream in time");
    }
    Problem::new(StatusCode::BAD_GATEWAY, Forwarded::No).detail("no connection to the upstream")
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    iter::successors(Some(error), |&error| error.source()).any(|error| {
        if error.is::<Elapsed>() {
            return true;
        }
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after.map(|after| {
            let up = u64::from(after.subsec_nanos() > 0);
            after.as_secs().saturating_add(up).max(1)
        });
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
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
