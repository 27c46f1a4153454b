use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::policy::Sent;
use crate::{
    BoxError,
    auth::{AuthRequest, EnkashAuth, NotCalled, ResponseFuture},
    cache::{Attached, TokenFuture},
    endpoint::call_was_not_sent,
};

pin_project! {
    /// Resolves to the response of a call through [`Replay`](super::Replay).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while it waits for another token, nothing more is sent; the fetch goes on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ReplayFuture<S, Req>
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
        // The call is on its way.
        First {
            #[pin]
            future: ResponseFuture<S, Req>,
            sent: Sent,
            again: Option<(Req, EnkashAuth<S>)>,
        },
        // It was refused; the refusal is kept in case that there is no other token.
        Token {
            refused: Option<Unauthorized<S::Response>>,
            #[pin]
            token: TokenFuture,
            again: Option<(Req, EnkashAuth<S>)>,
        },
        // There is one; the service is readied for the second call.
        Ready {
            refused: Option<Unauthorized<S::Response>>,
            request: Option<Req>,
            not_ready_inner: EnkashAuth<S>,
        },
        // The second call is on its way, and its answer is the caller's.
        Second {
            refused: Option<Unauthorized<S::Response>>,
            #[pin]
            future: ResponseFuture<S, Req>,
        },
        Done,
    }
}

/// The result of a replay whose caller did not wait for it.
const DROPPED: &str = "dropped";

/// The result of a replay for which there was no other token.
const NO_TOKEN: &str = "no-token";

/// The result of a replay of which nothing was sent.
const NOT_SENT: &str = "not-sent";

impl<S, Req> ReplayFuture<S, Req>
where
    S: Service<Req>,
{
    pub(super) fn new(
        future: ResponseFuture<S, Req>,
        sent: Sent,
        again: Option<(Req, EnkashAuth<S>)>,
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

impl<S, Req> Future for ReplayFuture<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    type Output = Result<S::Response, BoxError>;

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
                    let attached = refused::<Req, _>(&mut response).filter(|_| {
                        again.is_some() && sent.did_nothing(Req::response_headers(&response))
                    });
                    let Some(attached) = attached else {
                        break Ok(response);
                    };
                    let refused = Unauthorized::new(response, attached);
                    match refused.successor() {
                        Some(token) => State::Token {
                            refused: Some(refused),
                            token,
                            again: again.take(),
                        },
                        None => break Ok(refused.end(NO_TOKEN)),
                    }
                }
                StateProj::Token {
                    refused,
                    token,
                    again,
                } => {
                    let token = ready!(token.poll(cx));
                    let is_another = |refused: &Unauthorized<_>| {
                        token.is_ok_and(|token| !refused.is_of(token.generation()))
                    };
                    match (refused.take(), again.take()) {
                        (Some(refused), Some((request, not_ready_inner)))
                            if is_another(&refused) =>
                        {
                            State::Ready {
                                refused: Some(refused),
                                request: Some(request),
                                not_ready_inner,
                            }
                        }
                        (Some(refused), _) => break Ok(refused.end(NO_TOKEN)),
                        (None, _) => State::Done,
                    }
                }
                StateProj::Ready {
                    refused,
                    request,
                    not_ready_inner,
                } => {
                    if let Err(error) = ready!(not_ready_inner.poll_ready(cx)) {
                        break refused.take().map(|first| first.end(NOT_SENT)).ok_or(error);
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
                    let answer = ready!(future.poll(cx));
                    let Some(first) = refused.take() else {
                        break answer;
                    };
                    let result = match &answer {
                        // Nothing was sent the second time, for want of a token or of a connection:
                        // what the caller has is the answer to the first. An error that proves that
                        // nothing was sent would say too much.
                        Err(error)
                            if NotCalled::of(&**error).is_some() || call_was_not_sent(&**error) =>
                        {
                            break Ok(first.end(NOT_SENT));
                        }
                        Err(_) => "failed",
                        Ok(response) if Req::status(response) == StatusCode::UNAUTHORIZED => {
                            "unauthorized"
                        }
                        Ok(_) => "served",
                    };
                    drop(first.end(result));
                    break answer;
                }
                // A finished future that is polled stays pending.
                StateProj::Done => return Poll::Pending,
            };
            this.state.set(next);
        };
        this.state.set(State::Done);
        Poll::Ready(answer)
    }
}

/// Holds the refusal of the first call, in case that there is no second.
#[derive(Debug)]
struct Unauthorized<Res> {
    response: Res,
    counted: Counted,
}

/// Counts what became of the replay when it is dropped, and so whatever becomes of it.
#[derive(Debug)]
struct Counted {
    attached: Attached,
    result: &'static str,
}

impl<Res> Unauthorized<Res> {
    fn new(response: Res, attached: Attached) -> Self {
        Self {
            response,
            counted: Counted {
                attached,
                result: DROPPED,
            },
        }
    }

    /// Returns the token after the one that was refused; `None` if the cache is gone.
    fn successor(&self) -> Option<TokenFuture> {
        self.counted.attached.successor()
    }

    /// Returns whether `generation` is that of the token that was refused.
    fn is_of(&self, generation: u64) -> bool {
        self.counted.attached.generation() == generation
    }

    /// Counts it under `result`, and returns its response.
    fn end(mut self, result: &'static str) -> Res {
        self.counted.result = result;
        self.response
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.attached.replayed(self.result);
    }
}

/// Returns the token that the API refused with `response`, if it was one of ours.
fn refused<Req, Res>(response: &mut Res) -> Option<Attached>
where
    Req: AuthRequest<Res>,
{
    match Req::status(response) {
        StatusCode::UNAUTHORIZED => Req::response_extensions_mut(response).remove(),
        _ => None,
    }
}

impl<S, Req> fmt::Debug for ReplayFuture<S, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayFuture").finish_non_exhaustive()
    }
}
