use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::Error;
use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, NotCalled, slow::Slow};
use crate::{BoxError, cache::Attached};

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
    /// use http::{Request, Response};
    /// use tower::Service;
    ///
    /// struct Payouts<S>(EnkashAuth<S>);
    ///
    /// impl<S, R> Payouts<S>
    /// where
    ///     S: Service<Request<String>, Response = Response<R>> + Clone,
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
        Calling {
            #[pin]
            future: S::Future,
            attached: Option<Attached>,
        },
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
    /// `attached`: our token, if it was attached.
    pub(super) fn calling(future: S::Future, attached: Option<Attached>) -> Self {
        Self {
            state: State::Calling { future, attached },
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

impl<S, Req> Future for ResponseFuture<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Calling { future, attached } => {
                    let mut answer = ready!(future.poll(cx)).map_err(NotCalled::unmark)?;
                    if Req::status(&answer) == StatusCode::UNAUTHORIZED
                        && let Some(attached) = attached.take()
                    {
                        attached.refused();
                        Req::answer_extensions_mut(&mut answer).insert(attached);
                    }
                    return Poll::Ready(Ok(answer));
                }
                StateProj::Waiting { slow } => {
                    let state = match ready!(slow.as_mut().poll_call(cx)) {
                        Ok((future, attached)) => State::Calling {
                            future,
                            attached: Some(attached),
                        },
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
