use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::Error;
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::policy::Sent;
use crate::{
    BoxError,
    auth::{EnkashAuth, ResponseFuture},
    cache::{Attached, TokenFuture},
    endpoint::call_was_not_sent,
};

pin_project! {
    /// The future of [`Replay`](super::Replay).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits for another token, nothing more is sent; the fetch goes on for the
    /// others.
    ///
    /// # Examples
    ///
    /// A service that names the type instead of boxing it:
    ///
    /// ```
    /// use enkash_auth_tower::{BoxError, Replay, ReplayFuture};
    /// use http::{Request, Response};
    /// use tower::Service;
    ///
    /// struct Payouts<S>(Replay<S>);
    ///
    /// impl<S, R> Payouts<S>
    /// where
    ///     S: Service<Request<String>, Response = Response<R>> + Clone,
    ///     S::Error: Into<BoxError>,
    /// {
    ///     fn send(&mut self, request: Request<String>) -> ReplayFuture<S, String, R> {
    ///         self.0.call(request)
    ///     }
    /// }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct ReplayFuture<S, B, R>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, R>
    where
        S: Service<Request<B>>,
    {
        // The call is on its way.
        First {
            #[pin]
            future: ResponseFuture<S, Request<B>>,
            sent: Sent,
            again: Option<(Request<B>, EnkashAuth<S>)>,
        },
        // It was refused; the refusal is kept in case that there is no other token.
        Token {
            refused: Option<Response<R>>,
            attached: Attached,
            #[pin]
            token: TokenFuture,
            again: Option<(Request<B>, EnkashAuth<S>)>,
        },
        // There is one; the service is readied for the second call.
        Ready {
            refused: Option<Response<R>>,
            request: Option<Request<B>>,
            not_ready_inner: EnkashAuth<S>,
        },
        // The second call is on its way, and its answer is the caller's.
        Second {
            refused: Option<Response<R>>,
            #[pin]
            future: ResponseFuture<S, Request<B>>,
        },
        Done,
    }
}

impl<S, B, R> ReplayFuture<S, B, R>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(
        future: ResponseFuture<S, Request<B>>,
        sent: Sent,
        again: Option<(Request<B>, EnkashAuth<S>)>,
    ) -> Self {
        Self {
            state: State::First {
                future,
                sent,
                again,
            },
        }
    }
}

impl<S, B, R> Future for ReplayFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let answer = loop {
            let next = match this.state.as_mut().project() {
                StateProj::First {
                    future,
                    sent,
                    again,
                } => {
                    let mut response = match ready!(future.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => break Err(error),
                    };
                    let attached = refused(&mut response)
                        .filter(|_| again.is_some() && sent.did_nothing(&response));
                    let Some((attached, token)) = attached.and_then(with_successor) else {
                        break Ok(response);
                    };
                    State::Token {
                        refused: Some(response),
                        attached,
                        token,
                        again: again.take(),
                    }
                }
                StateProj::Token {
                    refused,
                    attached,
                    token,
                    again,
                } => {
                    let token = ready!(token.poll(cx));
                    let is_another =
                        token.is_ok_and(|token| token.generation() != attached.generation());
                    match (refused.take(), again.take()) {
                        (refused, Some((request, not_ready_inner))) if is_another => State::Ready {
                            refused,
                            request: Some(request),
                            not_ready_inner,
                        },
                        (Some(refused), _) => break Ok(refused),
                        (None, _) => State::Done,
                    }
                }
                StateProj::Ready {
                    refused,
                    request,
                    not_ready_inner,
                } => {
                    if let Err(error) = ready!(not_ready_inner.poll_ready(cx)) {
                        break refused.take().ok_or(error);
                    }
                    match request.take() {
                        Some(request) => State::Second {
                            refused: refused.take(),
                            future: not_ready_inner.call(request),
                        },
                        None => State::Done,
                    }
                }
                StateProj::Second { refused, future } => {
                    let answer = match ready!(future.poll(cx)) {
                        // Nothing was sent the second time, for want of a token or of a connection:
                        // what the caller has is the answer to the first. An error that proves that
                        // nothing was sent would say too much.
                        Err(error) if error.is::<Error>() || call_was_not_sent(&*error) => {
                            refused.take().ok_or(error)
                        }
                        answer => answer,
                    };
                    break answer;
                }
                // Who polls a finished future waits for ever.
                StateProj::Done => return Poll::Pending,
            };
            this.state.set(next);
        };
        this.state.set(State::Done);
        Poll::Ready(answer)
    }
}

/// The token that the API refused with `response`, if it was one of ours.
fn refused<R>(response: &mut Response<R>) -> Option<Attached> {
    match response.status() {
        StatusCode::UNAUTHORIZED => response.extensions_mut().remove(),
        _ => None,
    }
}

fn with_successor(attached: Attached) -> Option<(Attached, TokenFuture)> {
    let token = attached.successor()?;
    Some((attached, token))
}

impl<S, B, R> fmt::Debug for ReplayFuture<S, B, R>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayFuture").finish_non_exhaustive()
    }
}
