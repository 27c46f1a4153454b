use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::Error;
use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::slow::Slow;
use crate::BoxError;

pin_project! {
    /// The future of [`EnkashAuth`](super::EnkashAuth).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits for a token, nothing of the request has left, and the fetch goes on
    /// for the others.
    ///
    /// # Examples
    ///
    /// A service that names the type instead of boxing it:
    ///
    /// ```
    /// use enkash_auth_tower::{EnkashAuth, ResponseFuture};
    /// use http::Request;
    /// use tower::Service;
    ///
    /// struct Payouts<S>(EnkashAuth<S>);
    ///
    /// impl<S> Payouts<S>
    /// where
    ///     S: Service<Request<String>> + Clone,
    ///     S::Error: Into<enkash_auth_tower::BoxError>,
    /// {
    ///     fn send(&mut self, request: Request<String>) -> ResponseFuture<S, Request<String>> {
    ///         self.0.call(request)
    ///     }
    /// }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req>
    where
        S: Service<Req>,
    {
        // The request is on its way, with a token.
        Calling { #[pin] future: S::Future },
        // No token yet. Boxed: it is large, and the way with a token must not carry it.
        Waiting { slow: Pin<Box<Slow<S, Req>>> },
        // There will be none, or the request must not see it.
        Failed { error: Option<BoxError> },
    }
}

impl<S, Req> ResponseFuture<S, Req>
where
    S: Service<Req>,
{
    pub(super) fn calling(future: S::Future) -> Self {
        Self {
            state: State::Calling { future },
        }
    }

    pub(super) fn waiting(slow: Slow<S, Req>) -> Self {
        Self {
            state: State::Waiting {
                slow: Box::pin(slow),
            },
        }
    }

    pub(super) fn failed(error: Error) -> Self {
        Self {
            state: State::Failed {
                error: Some(error.into()),
            },
        }
    }
}

impl<S, B> Future for ResponseFuture<S, Request<B>>
where
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Calling { future } => return future.poll(cx).map_err(Into::into),
                StateProj::Waiting { slow } => {
                    let state = match ready!(slow.as_mut().poll_call(cx)) {
                        Ok(future) => State::Calling { future },
                        Err(error) => State::Failed { error: Some(error) },
                    };
                    // With the old state goes the inner service, and its place in a limit.
                    this.state.set(state);
                }
                // Taken once; who polls a finished future waits for ever.
                StateProj::Failed { error } => {
                    return error
                        .take()
                        .map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            }
        }
    }
}

impl<S, Req> fmt::Debug for ResponseFuture<S, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
