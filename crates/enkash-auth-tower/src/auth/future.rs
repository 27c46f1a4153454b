use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AuthRequest, NotCalled,
    deferred::Deferred,
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
        P: Replay<S, Req>,
    {
        // There is no token yet.
        Deferred {
            #[pin]
            deferred: Deferred<S, Req>,
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

    pub(super) fn deferred(deferred: Deferred<S, Req>, kept: Option<P::Kept>) -> Self {
        Self {
            state: State::slow(Slow::Deferred { deferred, kept }),
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
    type Output = Result<S::Response, BoxError>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().state.poll(cx)
    }
}

impl<S, Req, P> State<S, Req, P>
where
    S: Service<Req>,
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
    ) -> Result<Result<S::Response, BoxError>, Self> {
        let response = match finish::<Req, _, _>(result, attached) {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        let (Some(kept), Some(attached)) = (kept, attached) else {
            return Ok(Ok(response));
        };
        match P::second(kept, response, attached) {
            Ok(second) => Err(Self::slow(Slow::Second { second })),
            Err(response) => Ok(Ok(response)),
        }
    }

    #[inline(never)]
    fn poll_slow(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, BoxError>> {
        let StateProj::Slow { slow } = self.as_mut().project() else {
            return Poll::Pending;
        };
        let result = match slow.as_mut().project() {
            SlowProj::Deferred { deferred, kept } => match ready!(deferred.poll_call(cx)) {
                Ok((future, attached)) => {
                    let kept = kept.take();
                    self.set(Self::Calling {
                        future,
                        attached: Some(attached),
                        kept,
                    });
                    return self.poll(cx);
                }
                Err(error) => Err(error),
            },
            SlowProj::Second { second } => ready!(second.poll(cx)),
            // A finished future that is polled stays pending.
            SlowProj::Failed { error } => match error.take() {
                Some(error) => Err(error),
                None => return Poll::Pending,
            },
        };
        // With the call goes its inner service, and its place in a limit.
        slow.as_mut().set(Slow::Failed { error: None });
        Poll::Ready(result)
    }

    // Always: called from two places.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S::Response, BoxError>> {
        match self.as_mut().project() {
            StateProj::Calling {
                future,
                attached,
                kept,
            } => match future.poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(response)) if Req::status(&response) != StatusCode::UNAUTHORIZED => {
                    Poll::Ready(Ok(response))
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

/// Removes the mark of another layer from an error, and reports a 401 to the token that was `attached`.
#[cold]
pub fn finish<Req, Res, E>(
    result: Result<Res, E>,
    attached: Option<Attached>,
) -> Result<Res, BoxError>
where
    E: Into<BoxError>,
    Req: AuthRequest<Res>,
{
    let response = result.map_err(NotCalled::unmark)?;
    if let Some(attached) = attached
        && Req::status(&response) == StatusCode::UNAUTHORIZED
    {
        attached.unauthorized();
    }
    Ok(response)
}

impl<S, Req, P> fmt::Debug for ResponseFuture<S, Req, P>
where
    S: Service<Req>,
    P: Replay<S, Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
