use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Kept;
use crate::{
    BoxError,
    auth::{AuthRequest, deferred::Deferred, future::finish},
    cache::{Attached, TokenFuture},
    endpoint::call_was_not_sent,
};

pin_project! {
    /// Makes a call a second time, with another token, after a 401.
    ///
    /// The first response is kept, unread, until the second one has come: it is the caller's if there is no
    /// second call.
    pub struct Second<S, Req>
    where
        S: Service<Req>,
    {
        first: Option<Unauthorized<S::Response>>,
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
        // Another token is fetched.
        Token {
            #[pin]
            token: TokenFuture,
            call: Option<(S, Req)>,
        },
        // There is one; the service is readied.
        Deferred { #[pin] deferred: Deferred<S, Req> },
        // The call was made.
        Calling {
            #[pin]
            future: S::Future,
            attached: Attached,
        },
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
    /// Prepares the second call after `response` to the token that was `attached`. Returns the response if there
    /// is to be none: it is no 401, or the first call may have done something.
    pub fn new(
        kept: Kept<S, Req>,
        response: S::Response,
        attached: Attached,
    ) -> Result<Self, S::Response> {
        let is_unauthorized = Req::status(&response) == StatusCode::UNAUTHORIZED;
        if !is_unauthorized || !kept.did_nothing(&response) {
            return Err(response);
        }
        let first = Unauthorized {
            response,
            counted: Counted {
                attached,
                // Unless something else becomes of it.
                result: "dropped",
            },
        };
        let Some(token) = attached.successor() else {
            return Err(first.end(NO_TOKEN));
        };
        Ok(Self {
            first: Some(first),
            state: State::Token {
                token,
                call: Some(kept.into_parts()),
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
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Taken with the result; a finished future that is polled stays pending.
        while let Some(first) = this.first.as_ref() {
            let attached = first.counted.attached;
            let failure = match this.state.as_mut().project() {
                StateProj::Token { token, call } => {
                    let token = ready!(token.poll(cx));
                    let is_another =
                        token.is_ok_and(|token| token.generation() != attached.generation());
                    match (call.take().filter(|_| is_another), attached.cache()) {
                        (Some((not_ready_inner, request)), Some(shared)) => {
                            let deferred = Deferred::new(None, not_ready_inner, request, shared);
                            this.state.set(State::Deferred { deferred });
                            continue;
                        }
                        _ => NO_TOKEN,
                    }
                }
                StateProj::Deferred { deferred } => match ready!(deferred.poll_call(cx)) {
                    Ok((future, attached)) => {
                        this.state.set(State::Calling { future, attached });
                        continue;
                    }
                    Err(_) => NOT_SENT,
                },
                StateProj::Calling { future, attached } => {
                    let result = ready!(future.poll(cx));
                    let result = finish::<Req, _, _>(result, Some(*attached));
                    let name = match &result {
                        // The caller has the response to the first call. An error that proves that nothing was
                        // sent would say too much.
                        Err(error) if call_was_not_sent(&**error) => NOT_SENT,
                        Err(_) => "failed",
                        Ok(response) if Req::status(response) == StatusCode::UNAUTHORIZED => {
                            "unauthorized"
                        }
                        Ok(_) => "served",
                    };
                    if name != NOT_SENT {
                        drop(this.first.take().map(|first| first.end(name)));
                        return Poll::Ready(result);
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
