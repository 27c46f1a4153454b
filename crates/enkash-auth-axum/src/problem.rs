//! Failures as problem documents (RFC 9457), and whether the request was forwarded.
//!
//! Proofs that nothing was sent:
//!
//! 1. Errors of the token layer that [`NotCalled`] marks: it raises them before it calls the inner service.
//! 2. An inner service that was not ready: it was not called.
//! 3. A connection that was never established, as reported by hyper-util's client, and an error
//!    wrapped in [`NotSent`]. Only the error itself counts, not its sources: those may concern
//!    another call.
//!
//! Nothing else is proof: the request, or a part of it, may have been read and acted upon.
//!
//! A user's stack may, unlike the proxy's own, follow redirects. An error of the token layer may then
//! concern a later hop, after the first one got a response. So it counts only if the method that was
//! not sent is unsafe: after an unsafe request that was carried out, a redirect leads to a safe one
//! (303) or repeats one that the server did not carry out (307, 308).

use std::{borrow::Cow, error::Error as StdError, io, iter, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use enkash_auth_tower::{BoxError, Error, ErrorKind, NotCalled, NotSent};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::{Serialize, Serializer};
use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};

use crate::{idle_timeout::UpstreamError, proxy_body::BadBody};

/// The `Retry-After` for a transient failure of unknown duration.
const SOON: Duration = Duration::from_secs(1);

/// A machine-readable failure: `application/problem+json` (RFC 9457).
///
/// Beside the standard members it has `forwarded` and, if available, `class` (the
/// [kind](enkash_auth_tower::ErrorKind::as_str) of the token error) and `retry_after` in seconds,
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
/// assert_eq!(response.extensions().get(), Some(&Forwarded::No));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a problem does nothing until it is returned as a response"]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    forwarded: Forwarded,
    class: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// Creates a problem with `status`.
    pub fn new(status: StatusCode, forwarded: Forwarded) -> Self {
        Self {
            status,
            detail: Cow::Borrowed(""),
            forwarded,
            class: None,
            retry_after: None,
        }
    }

    /// Sets the human-readable description. It must not contain a secret.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets when to retry; rounded up to whole seconds, at least one.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Returns the HTTP status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns whether the request reached the upstream.
    pub fn forwarded(&self) -> Forwarded {
        self.forwarded
    }

    /// Returns the class of the token error, if it is one.
    pub(crate) fn class(&self) -> Option<&'static str> {
        self.class
    }

    /// Creates the problem of a request body that ended early.
    pub(crate) fn of_body(forwarded: Forwarded) -> Self {
        let detail = "the request body was malformed or incomplete";
        Self::new(StatusCode::BAD_REQUEST, forwarded).detail(detail)
    }

    /// Creates the problem for the error of a call through the proxy's token layer.
    pub(crate) fn of_call(error: &BoxError) -> Self {
        if let Some(not_called) = NotCalled::of(&**error) {
            return not_called.error().into();
        }
        match error.downcast_ref::<UpstreamError>() {
            Some(UpstreamError::TimedOut) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::Unknown)
                    .detail("timed out waiting for the upstream's response")
            }
            Some(UpstreamError::Failed(source)) if NotSent::is_said_by(&**source) => {
                not_connected(source)
            }
            Some(UpstreamError::Failed(source))
                if chain(&**source).any(|error| error.is::<BadBody>()) =>
            {
                Self::of_body(Forwarded::Unknown)
            }
            Some(UpstreamError::Failed(_)) | None => {
                Self::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown)
                    .detail("the connection to the upstream broke before a response arrived")
            }
        }
    }
}

/// Whether the request of a call reached the upstream, and so whether a payment may be repeated. An extension of
/// each response of a [`Problem`] and of the [`Proxy`](crate::Proxy), for the layers around it.
///
/// In JSON `false`, `"unknown"` or `true`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "it is certain, or unknown")]
pub enum Forwarded {
    /// Certainly not: the request can be sent again.
    No,
    /// The request may have been forwarded.
    Unknown,
    /// Certainly: the response is the upstream's.
    Yes,
}

impl Serialize for Forwarded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Unknown => serializer.serialize_str("unknown"),
            Self::Yes => serializer.serialize_bool(true),
        }
    }
}

/// Without a token no call was made, so `forwarded` is [`No`](Forwarded::No).
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Unavailable
            | ErrorKind::NoCredentials
            | ErrorKind::StoreUnavailable
            | ErrorKind::Saturated => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::WaitTimeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        let problem = Self {
            class: Some(error.kind().as_str()),
            // The rest of the error's text may repeat the server's, which may repeat anything: it is for the log.
            ..Self::new(status, Forwarded::No).detail(error.kind().to_string())
        };
        match error.retry_after() {
            // This is when the store is polled next: no use to a caller.
            _ if error.kind().is_closed() => problem,
            Some(after) => problem.retry_after(after),
            None if error.is_transient() => problem.retry_after(SOON),
            None => problem,
        }
    }
}

/// Without a token no call was made, so `forwarded` is [`No`](Forwarded::No).
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// Converts the error of a client stack with the token layer, or of a server's stack.
///
/// `forwarded` is [`No`](Forwarded::No) if the token layer proves that a call with an unsafe method
/// (such as POST) was not made, and [`Unknown`](Forwarded::Unknown) otherwise. With better
/// knowledge, build the problem with [`Problem::new`].
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
            let mut problem = Self::from(not_called.error());
            if not_called.method().is_safe() {
                problem.forwarded = Forwarded::Unknown;
            }
            return problem;
        }
        if error.is::<Elapsed>() {
            return Self::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::Unknown)
                .detail("timed out waiting for a response");
        }
        if error.is::<Overloaded>() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::Unknown)
                .detail("too many calls at once")
                .retry_after(SOON);
        }
        // The error's text may contain anything, so it belongs in a log.
        Self::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown).detail("the call failed")
    }
}

fn not_connected(source: &BoxError) -> Problem {
    if is_timeout(&**source) {
        return Problem::new(StatusCode::GATEWAY_TIMEOUT, Forwarded::No)
            .detail("timed out connecting to the upstream");
    }
    Problem::new(StatusCode::BAD_GATEWAY, Forwarded::No).detail("no connection to the upstream")
}

/// Returns the error and its sources.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// Returns whether the error, or one of its sources, is that of a limit of time.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| {
        if error.is::<Elapsed>() {
            return true;
        }
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

/// The JSON document. Without a `type` it is `about:blank`, so the title is that of the status.
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
        response.extensions_mut().insert(self.forwarded);
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
