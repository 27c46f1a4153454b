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
    /// If it is dropped while it waits for another token, nothing more is sent; the fetch continues.
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
        // The first call is in flight.
        First {
            #[pin]
            future: ResponseFuture<S, Req>,
            sent: Sent,
            second: Option<(Req, EnkashAuth<S>)>,
        },
        // It was unauthorized; the response is kept in case there is no other token.
        Token {
            unauthorized: Option<Unauthorized<S::Response>>,
            #[pin]
            token: TokenFuture,
            second: Option<(Req, EnkashAuth<S>)>,
        },
        // There is another token; the service is readied for the second call.
        Ready {
            unauthorized: Option<Unauthorized<S::Response>>,
            request: Option<Req>,
            not_ready_inner: EnkashAuth<S>,
        },
        // The second call is in flight; the caller gets its response.
        Second {
            unauthorized: Option<Unauthorized<S::Response>>,
            #[pin]
            future: ResponseFuture<S, Req>,
        },
        Done,
    }
}

/// Labels a replay whose future was dropped.
const DROPPED: &str = "dropped";

/// Labels a replay for which there was no other token.
const NO_TOKEN: &str = "no-token";

/// Labels a replay of which nothing was sent.
const NOT_SENT: &str = "not-sent";

impl<S, Req> ReplayFuture<S, Req>
where
    S: Service<Req>,
{
    pub(super) fn new(
        future: ResponseFuture<S, Req>,
        sent: Sent,
        second: Option<(Req, EnkashAuth<S>)>,
    ) -> Self {
        Self {
            state: State::First {
                future,
                sent,
                second,
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
        let result = loop {
            let next = match this.state.as_mut().project() {
                StateProj::First {
                    future,
                    sent,
                    second,
                } => {
                    let mut response = match ready!(future.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => break Err(error),
                    };
                    let attached = unauthorized_token::<Req, _>(&mut response).filter(|_| {
                        second.is_some() && sent.did_nothing(Req::response_headers(&response))
                    });
                    let Some(attached) = attached else {
                        break Ok(response);
                    };
                    let unauthorized = Unauthorized::new(response, attached);
                    match unauthorized.successor() {
                        Some(token) => State::Token {
                            unauthorized: Some(unauthorized),
                            token,
                            second: second.take(),
                        },
                        None => break Ok(unauthorized.end(NO_TOKEN)),
                    }
                }
                StateProj::Token {
                    unauthorized,
                    token,
                    second,
                } => {
                    let token = ready!(token.poll(cx));
                    let is_another = |unauthorized: &Unauthorized<_>| {
                        token.is_ok_and(|token| !unauthorized.is_of(token.generation()))
                    };
                    match (unauthorized.take(), second.take()) {
                        (Some(unauthorized), Some((request, not_ready_inner)))
                            if is_another(&unauthorized) =>
                        {
                            State::Ready {
                                unauthorized: Some(unauthorized),
                                request: Some(request),
                                not_ready_inner,
                            }
                        }
                        (Some(unauthorized), _) => break Ok(unauthorized.end(NO_TOKEN)),
                        (None, _) => State::Done,
                    }
                }
                StateProj::Ready {
                    unauthorized,
                    request,
                    not_ready_inner,
                } => {
                    if let Err(error) = ready!(not_ready_inner.poll_ready(cx)) {
                        break unauthorized
                            .take()
                            .map(|first| first.end(NOT_SENT))
                            .ok_or(error);
                    }
                    match request.take() {
                        Some(request) => State::Second {
                            unauthorized: unauthorized.take(),
                            future: not_ready_inner.call(request),
                        },
                        None => State::Done,
                    }
                }
                StateProj::Second {
                    unauthorized,
                    future,
                } => {
                    let result = ready!(future.poll(cx));
                    let Some(first) = unauthorized.take() else {
                        break result;
                    };
                    let label = match &result {
                        // Nothing was sent the second time, for want of a token or of a connection:
                        // the caller gets the response to the first. An error that proves that
                        // nothing was sent would claim too much.
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
                    drop(first.end(label));
                    break result;
                }
                // A completed future that is polled stays pending.
                StateProj::Done => return Poll::Pending,
            };
            this.state.set(next);
        };
        this.state.set(State::Done);
        Poll::Ready(result)
    }
}

/// Holds the 401 response to the first call, in case there is no second.
#[derive(Debug)]
struct Unauthorized<Res> {
    response: Res,
    counted: Counted,
}

/// Counts the result of the replay when it is dropped, and so in every case.
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

    /// Returns a future of the next token; `None` if the cache was dropped.
    fn successor(&self) -> Option<TokenFuture> {
        self.counted.attached.successor()
    }

    /// Returns whether `generation` is that of the unauthorized token.
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

/// Returns the token that `response` reports unauthorized, if it was one of ours.
fn unauthorized_token<Req, Res>(response: &mut Res) -> Option<Attached>
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
