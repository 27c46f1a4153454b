use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AuthRequest, Classifiers, Evidence, Looked, NotCalled, Seen, Watched,
    replay::{Replay, Second},
};
use crate::{BoxError, cache::Attached};

pin_project! {
    /// Resolves to the response of a call through [`EnkashAuth`](super::EnkashAuth).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while it waits for a token, nothing of the request was sent, or nothing more; the fetch
    /// goes on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, P>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        #[pin]
        state: State<S, Req, P>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, P>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        // The call was made, with a token unless it is a token request.
        Calling {
            #[pin]
            future: S::Future,
            attached: Option<Attached>,
            kept: Option<P::Kept>,
        },
        // Boxed: it is large, and a call with a token must not carry it.
        Slow { slow: Pin<Box<Slow<S, Req, P>>> },
    }
}

pin_project! {
    #[project = SlowProj]
    enum Slow<S, Req, P>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
        P: Replay<S, Req>,
    {
        // There is no token yet, or an API has rejected one of late.
        First {
            #[pin]
            watched: Watched<S, Req>,
            kept: Option<P::Kept>,
        },
        // The token was unauthorized.
        Second { #[pin] second: Second<S, Req> },
        // There will be no token, or the request must not see it.
        Failed { error: Option<BoxError> },
    }
}

impl<S, Req, P> ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    /// Wraps a call that was made, with the token that was `attached` to it.
    #[inline]
    pub(super) fn calling(
        future: S::Future,
        attached: Option<Attached>,
        kept: Option<P::Kept>,
    ) -> Self {
        let state = State::Calling {
            future,
            attached,
            kept,
        };
        Self { state }
    }

    pub(super) fn watched(watched: Watched<S, Req>, kept: Option<P::Kept>) -> Self {
        Self {
            state: State::slow(Slow::First { watched, kept }),
        }
    }

    pub(super) fn failed(error: impl Into<BoxError>) -> Self {
        let error = Some(error.into());
        Self {
            state: State::slow(Slow::Failed { error }),
        }
    }
}

impl<S, Req, P> Future for ResponseFuture<S, Req, P>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    type Output = Result<Req::Response, BoxError>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().state.poll(cx)
    }
}

impl<S, Req, P> State<S, Req, P>
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    fn slow(slow: Slow<S, Req, P>) -> Self {
        let slow = Box::pin(slow);
        Self::Slow { slow }
    }
}

impl<S, Req, P> State<S, Req, P>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    /// Handles an error or the first response: returns it, or a second call.
    #[cold]
    fn after(
        result: Result<S::Response, S::Error>,
        attached: Option<Attached>,
        kept: Option<P::Kept>,
    ) -> Result<Result<Req::Response, BoxError>, Self> {
        let response = match result {
            Ok(response) => response,
            Err(error) => return Ok(Err(NotCalled::unmark(error))),
        };
        let Some(attached) = attached else {
            return Ok(Ok(Req::pass(response)));
        };
        // A layer with classifiers watches all its calls.
        let status = Req::status(&response);
        let seen = Seen::new(status, Req::response_headers(&response), None);
        let (evidence, _) = Classifiers::default().classify(&seen);
        if evidence != Evidence::Nothing {
            attached.unauthorized(evidence == Evidence::Proof);
        }
        let looked = Looked {
            response: Req::pass(response),
            status,
            evidence,
            attached,
        };
        match second::<S, Req, P>(kept, looked) {
            Ok(second) => Err(Self::slow(Slow::Second { second })),
            Err(response) => Ok(Ok(response)),
        }
    }

    #[inline(never)]
    fn poll_slow(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Req::Response, BoxError>> {
        let StateProj::Slow { slow } = self.as_mut().project() else {
            return Poll::Pending;
        };
        let result = loop {
            break match slow.as_mut().project() {
                SlowProj::First { watched, kept } => match ready!(watched.poll_looked(cx)) {
                    Ok(looked) => match second::<S, Req, P>(kept.take(), looked) {
                        Ok(second) => {
                            slow.set(Slow::Second { second });
                            continue;
                        }
                        Err(response) => Ok(response),
                    },
                    Err(error) => Err(error),
                },
                SlowProj::Second { second } => ready!(second.poll(cx)),
                // A finished future that is polled stays pending.
                SlowProj::Failed { error } => match error.take() {
                    Some(error) => Err(error),
                    None => return Poll::Pending,
                },
            };
        };
        // With the call goes its inner service, and its place in a limit.
        slow.as_mut().set(Slow::Failed { error: None });
        Poll::Ready(result)
    }

    // Always: called from two places.
    #[inline(always)]
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Req::Response, BoxError>> {
        match self.as_mut().project() {
            StateProj::Calling {
                future,
                attached,
                kept,
            } => match future.poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(response)) if Req::status(&response) != StatusCode::UNAUTHORIZED => {
                    Poll::Ready(Ok(Req::pass(response)))
                }
                Poll::Ready(result) => match Self::after(result, attached.take(), kept.take()) {
                    Ok(result) => Poll::Ready(result),
                    Err(second) => {
                        self.set(second);
                        self.poll_slow(cx)
                    }
                },
            },
            StateProj::Slow { .. } => self.poll_slow(cx),
        }
    }
}

/// Prepares a second call after the first, or returns its response if there is to be none.
fn second<S, Req, P>(
    kept: Option<P::Kept>,
    looked: Looked<Req::Response>,
) -> Result<Second<S, Req>, Req::Response>
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    match kept {
        Some(kept) => P::second(kept, looked),
        None => Err(looked.response),
    }
}

impl<S, Req, P> fmt::Debug for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
    P: Replay<S, Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
