use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::{
    AccessToken, Clock,
    state::{Call, Lookup},
};
use http::{Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, Evidence, Head, NotCalled, ResponseBody, Seen, rules::CallRules};
use crate::{
    BoxError, Error,
    cache::{Attached, Shared, Waiting},
    sync::Arc,
};

pin_project! {
    /// Waits for a token if there is none, makes a call with it, looks at the response, and reports what that
    /// says about the token.
    ///
    /// While it waits, the inner service is not ready, and holds no place in a limit. It is released with the
    /// call.
    pub struct Watched<S, Req>
    where
        S: Service<Req>,
        Req: AuthRequest<S::Response>,
    {
        #[pin]
        state: State<S::Future, Req::Body>,
        // Taken when the call is made.
        call: Option<(S, Req)>,
        shared: Arc<Shared>,
        rules: Arc<CallRules>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> where B: http_body::Body {
        Waiting { #[pin] waiting: Waiting },
        // There was a token a moment ago, or none was looked up yet.
        Ready,
        // The call was made.
        Calling {
            #[pin]
            future: F,
            sent: Sent,
        },
        // The body is read.
        Looking {
            response: Option<Response<ResponseBody<B>>>,
            sent: Sent,
            // What was reported of the head.
            reported: Evidence,
        },
    }
}

/// Holds a response that was looked at.
#[derive(Debug)]
pub struct Looked<Res> {
    pub response: Res,
    pub status: StatusCode,
    pub evidence: Evidence,
    pub attached: Attached,
}

/// Describes a call that was made.
#[derive(Clone, Copy)]
struct Sent {
    attached: Attached,
    call: Call,
}

impl Sent {
    fn looked<Res>(self, response: Res, status: StatusCode, evidence: Evidence) -> Looked<Res> {
        Looked {
            response,
            status,
            evidence,
            attached: self.attached,
        }
    }
}

impl<S, Req> Watched<S, Req>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: AuthRequest<S::Response>,
{
    /// Waits with `waiting`, or looks up the token at the first poll.
    pub fn new(
        waiting: Option<Waiting>,
        not_ready_inner: S,
        request: Req,
        shared: Arc<Shared>,
        rules: Arc<CallRules>,
    ) -> Self {
        Self {
            state: waiting.map_or(State::Ready, |waiting| State::Waiting { waiting }),
            call: Some((not_ready_inner, request)),
            shared,
            rules,
        }
    }

    /// Makes a call with `token` now.
    pub fn calling(
        ready_inner: &mut S,
        request: Req,
        token: &AccessToken,
        shared: Arc<Shared>,
        rules: Arc<CallRules>,
    ) -> Self {
        Self {
            state: call(&shared, &rules, ready_inner, request, token),
            call: None,
            shared,
            rules,
        }
    }

    /// Returns whether the inner service was called.
    pub fn was_called(&self) -> bool {
        self.call.is_none()
    }

    /// Returns the response, once it was looked at.
    ///
    /// # Errors
    ///
    /// Those of the inner service, and [`NotCalled`].
    #[inline(never)]
    pub fn poll_looked(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Looked<Req::Response>, BoxError>> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Waiting { waiting } => {
                    let waited = ready!(waiting.poll(cx));
                    waited.map_err(|error| not_called(error, this.call))?;
                    this.state.set(State::Ready);
                }
                StateProj::Ready => {
                    let Some((inner, _)) = this.call else {
                        return Poll::Pending;
                    };
                    ready!(inner.poll_ready(cx)).map_err(NotCalled::unmark)?;
                    match Waiting::join(this.shared, None) {
                        Lookup::Ready(token) => {
                            if let Some((mut inner, request)) = this.call.take() {
                                this.state.set(call(
                                    this.shared,
                                    this.rules,
                                    &mut inner,
                                    request,
                                    &token,
                                ));
                            }
                        }
                        Lookup::Failed(error) => {
                            return Poll::Ready(Err(not_called(error, this.call)));
                        }
                        Lookup::Pending(waiting) => {
                            let not_ready_inner = inner.clone();
                            *inner = not_ready_inner;
                            this.state.set(State::Waiting { waiting });
                        }
                    }
                }
                StateProj::Calling { future, sent } => {
                    let response = ready!(future.poll(cx)).map_err(NotCalled::unmark)?;
                    let (status, sent) = (Req::status(&response), *sent);
                    let seen = Seen::new(status, Req::response_headers(&response), None);
                    let (evidence, needs_body) = this.rules.classifiers.classify(&seen);
                    // Now, if it says something: the caller may not wait for the body.
                    if !needs_body || evidence != Evidence::Nothing {
                        report(this.shared, sent, status, evidence);
                    }
                    if !needs_body {
                        let looked = sent.looked(Req::pass(response), status, evidence);
                        return Poll::Ready(Ok(looked));
                    }
                    let response = Some(Req::open(response));
                    this.state.set(State::Looking {
                        response,
                        sent,
                        reported: evidence,
                    });
                }
                StateProj::Looking {
                    response,
                    sent,
                    reported,
                } => {
                    // Taken once; a finished future that is polled stays pending.
                    let Some(opened) = response else {
                        return Poll::Pending;
                    };
                    if opened.body().may_be_short(opened.headers()) {
                        ready!(opened.body_mut().poll_read(cx));
                    }
                    let (status, body) = (opened.status(), opened.body().whole());
                    let seen = Seen::new(status, opened.headers(), body.as_deref());
                    let evidence = this.rules.classifiers.classify(&seen).0.max(*reported);
                    let Some(opened) = response.take() else {
                        return Poll::Pending;
                    };
                    if *reported == Evidence::Nothing || evidence > *reported {
                        report(this.shared, *sent, status, evidence);
                    }
                    let looked = sent.looked(Req::close(opened), status, evidence);
                    return Poll::Ready(Ok(looked));
                }
            }
        }
    }
}

/// Makes a call with `token`, and the headers beside it.
fn call<S, Req>(
    shared: &Shared,
    rules: &CallRules,
    ready_inner: &mut S,
    mut request: Req,
    token: &AccessToken,
) -> State<S::Future, Req::Body>
where
    S: Service<Req>,
    Req: AuthRequest<S::Response>,
{
    let (origin, path) = request.target().hashes();
    let access_key = shared.access_key(token);
    rules
        .headers
        .insert(request.headers_mut(), token, access_key);
    let sent = Sent {
        attached: shared.snapshot().attached(token.generation()),
        call: Call {
            sent: shared.clock().now(),
            origin,
            path,
        },
    };
    let future = ready_inner.call(request);
    State::Calling { future, sent }
}

/// Reports what a response says about the token that was sent.
fn report(shared: &Arc<Shared>, sent: Sent, status: StatusCode, evidence: Evidence) {
    let Sent { attached, call } = sent;
    let generation = attached.generation();
    match evidence {
        Evidence::Nothing if status.is_success() => shared.accepted(generation, call),
        Evidence::Nothing | Evidence::NeedsBody => {}
        Evidence::Doubt | Evidence::ProofForCall | Evidence::Proof => {
            let is_proof = evidence == Evidence::Proof;
            shared.unauthorized(generation, is_proof, Some(call));
        }
    }
}

/// Marks `error`, raised while the request was still here.
fn not_called<S>(error: Error, call: &Option<(S, impl Head)>) -> BoxError {
    match call {
        Some((_, request)) => NotCalled::mark(error, request).into(),
        None => error.into(),
    }
}
