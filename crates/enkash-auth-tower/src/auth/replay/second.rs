use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::Kept;
use crate::{
    BoxError,
    auth::{AuthRequest, Evidence, Looked, Watched},
    cache::{Attached, TokenFuture},
    endpoint::call_was_not_sent,
    sync::Arc,
};

pin_project! {
    /// Makes a call a second time, with another token, after the first one was rejected.
    ///
    /// The first response is kept, unread, until the second one has come: it is the caller's if there is no
    /// second call.
    pub struct Second<S, Req>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
    {
        first: Option<Unauthorized<Req::Response>>,
        #[pin]
        state: State<S, Req>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
    {
        // Another token is fetched.
        Token {
            #[pin]
            token: TokenFuture,
            call: Option<Kept<S, Req>>,
        },
        // There is one.
        Calling { #[pin] watched: Watched<S, Req> },
    }
}

/// Holds the first response, in case that there is no second.
#[derive(Debug)]
struct Unauthorized<Res> {
    response: Res,
    counted: Counted,
}

/// Counts the result of the replay when it is dropped, and so in any case.
#[derive(Debug)]
struct Counted {
    attached: Attached,
    result: &'static str,
}

/// The result of a replay for which there was no other token.
const NO_TOKEN: &str = "no-token";

/// The result of a replay of which nothing was sent.
const NOT_SENT: &str = "not-sent";

impl<S, Req> Second<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    /// Prepares the second call after `looked`. Returns the response if there is to be none: it rejects no token,
    /// or the first call may have done something.
    pub fn new(kept: Kept<S, Req>, looked: Looked<Req::Response>) -> Result<Self, Req::Response> {
        if !kept.may_repeat(&looked) {
            return Err(looked.response);
        }
        let first = Unauthorized {
            response: looked.response,
            counted: Counted {
                attached: looked.attached,
                // Unless something else becomes of it.
                result: "dropped",
            },
        };
        let Some(token) = looked.attached.successor() else {
            return Err(first.end(NO_TOKEN));
        };
        Ok(Self {
            first: Some(first),
            state: State::Token {
                token,
                call: Some(kept),
            },
        })
    }
}

impl<S, Req> Future for Second<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    type Output = Result<Req::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Taken with the result; a finished future that is polled stays pending.
        while let Some(first) = this.first.as_ref() {
            let attached = first.counted.attached;
            let failure = match this.state.as_mut().project() {
                StateProj::Token { token, call } => {
                    let shared = Arc::clone(token.shared());
                    let token = ready!(token.poll(cx));
                    let is_another =
                        token.is_ok_and(|token| token.generation() != attached.generation());
                    match call.take().filter(|_| is_another) {
                        Some(call) => {
                            let watched = call.into_call(shared);
                            this.state.set(State::Calling { watched });
                            continue;
                        }
                        None => NO_TOKEN,
                    }
                }
                StateProj::Calling { mut watched } => {
                    let looked = ready!(watched.as_mut().poll_looked(cx));
                    let name = match &looked {
                        Err(_) if !watched.was_called() => NOT_SENT,
                        // The caller has the response to the first call. An error that proves that nothing was
                        // sent would say too much.
                        Err(error) if call_was_not_sent(&**error) => NOT_SENT,
                        Err(_) => "failed",
                        Ok(looked) if looked.evidence == Evidence::Nothing => "served",
                        Ok(_) => "unauthorized",
                    };
                    if name != NOT_SENT {
                        drop(this.first.take().map(|first| first.end(name)));
                        return Poll::Ready(looked.map(|looked| looked.response));
                    }
                    NOT_SENT
                }
            };
            if let Some(first) = this.first.take() {
                return Poll::Ready(Ok(first.end(failure)));
            }
        }
        Poll::Pending
    }
}

impl<Res> Unauthorized<Res> {
    /// Counts the replay under `result`, and returns the response.
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
