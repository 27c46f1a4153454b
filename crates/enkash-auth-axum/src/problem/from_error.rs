//! Which errors prove that nothing left.
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

use std::{error::Error as StdError, io, iter, time::Duration};

use enkash_auth_tower::{
    BoxError, NotCalled, NotSent,
    core::{Error, ErrorKind},
};
use http::StatusCode;
use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};

use super::{Forwarded, Problem};
use crate::upstream::Lost;

/// When to come again where nobody knows, but all will soon be well.
const SOON: Duration = Duration::from_secs(1);

impl Problem {
    /// What a call through the token layer failed with.
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
            // The time of the next look whether somebody has seen to it: no use to a caller.
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
/// say) was not made. It is [`Unknown`](Forwarded::Unknown) otherwise; who knows better builds a
/// problem of their own.
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
