use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, NotCalled, later::Later};
use crate::{BoxError, cache::Attached};

pin_project! {
    /// Resolves to the response of a call through [`EnkashAuth`](super::EnkashAuth).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while it waits for a token, nothing of the request was sent, and the fetch continues.
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
        // The request was passed on, with a token.
        Calling {
            #[pin]
            future: S::Future,
            attached: Option<Attached>,
        },
        // There is no token yet, or will be none. Boxed: it is large, and the fast path must not
        // carry it.
        Later { later: Pin<Box<Later<S, Req>>> },
    }
}

impl<S, Req> ResponseFuture<S, Req>
where
    S: Service<Req>,
{
    /// Wraps a call that was made, with the token that was `attached` to it.
    pub(super) fn calling(future: S::Future, attached: Option<Attached>) -> Self {
        Self {
            state: State::Calling { future, attached },
        }
    }

    pub(super) fn later(later: Later<S, Req>) -> Self {
        Self {
            state: State::Later {
                later: Box::pin(later),
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProj::Calling { future, attached } => poll_calling::<S, Req>(future, attached, cx),
            StateProj::Later { .. } => state.poll_later(cx),
        }
    }
}

impl<S, Req> State<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    #[inline(never)]
    fn poll_later(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, BoxError>> {
        loop {
            match self.as_mut().project() {
                StateProj::Calling { future, attached } => {
                    return poll_calling::<S, Req>(future, attached, cx);
                }
                StateProj::Later { later } => {
                    let (future, attached) = ready!(later.as_mut().poll_call(cx))?;
                    let attached = Some(attached);
                    self.set(Self::Calling { future, attached });
                }
            }
        }
    }
}

#[inline]
fn poll_calling<S, Req>(
    future: Pin<&mut S::Future>,
    attached: &mut Option<Attached>,
    cx: &mut Context<'_>,
) -> Poll<Result<S::Response, BoxError>>
where
    S: Service<Req>,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    match future.poll(cx) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(response)) if Req::status(&response) != StatusCode::UNAUTHORIZED => {
            Poll::Ready(Ok(response))
        }
        Poll::Ready(result) => Poll::Ready(inspect::<Req, _, _>(result, attached)),
    }
}

/// Handles an error or a 401.
#[cold]
fn inspect<Req, Res, E>(
    result: Result<Res, E>,
    attached: &mut Option<Attached>,
) -> Result<Res, BoxError>
where
    E: Into<BoxError>,
    Req: AuthRequest<Res>,
{
    let mut response = result.map_err(NotCalled::unmark)?;
    let extensions = Req::response_extensions_mut(&mut response);
    // Of two nested layers, the inner one's token was sent.
    if let Some(attached) = attached.take()
        && extensions.get::<Attached>().is_none()
    {
        attached.unauthorized();
        extensions.insert(attached);
    }
    Ok(response)
}

impl<S, Req> fmt::Debug for ResponseFuture<S, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
