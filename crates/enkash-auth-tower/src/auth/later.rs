use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::{Error, state::Lookup};
use http::header::AUTHORIZATION;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, NotCalled};
use crate::{
    BoxError,
    cache::{Attached, Shared, Waiting},
    sync::Arc,
};

pin_project! {
    /// Makes a call that could not be made at once.
    #[project = LaterProj]
    pub(super) enum Later<S, Req> {
        // No token yet.
        Waiting { #[pin] slow: Slow<S, Req> },
        // There will be none, or the request is blocked.
        Failed { error: Option<BoxError> },
    }
}

impl<S, Req> Later<S, Req> {
    /// Waits with `waiting`; without it, the first poll looks up the token.
    pub(super) fn waiting(
        waiting: Option<Waiting>,
        not_ready_inner: S,
        request: Req,
        shared: Arc<Shared>,
    ) -> Self {
        let step = waiting.map_or(Step::Ready, |waiting| Step::Token { waiting });
        Self::Waiting {
            slow: Slow {
                step,
                inner: not_ready_inner,
                request: Some(request),
                shared,
            },
        }
    }

    pub(super) fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed {
            error: Some(error.into()),
        }
    }

    /// Returns the call of the inner service, once it has been made.
    #[inline(never)]
    pub(super) fn poll_call(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(S::Future, Attached), BoxError>>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
    {
        match self.as_mut().project() {
            LaterProj::Waiting { slow } => {
                let called = ready!(slow.poll_call(cx));
                // Drops the inner service, and its place in a limit.
                self.set(Self::Failed { error: None });
                Poll::Ready(called)
            }
            // Taken once; a completed future that is polled stays pending.
            LaterProj::Failed { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

pin_project! {
    /// Waits for a token, readies an inner service of its own, and looks up the token once more before it
    /// makes the call.
    pub(super) struct Slow<S, Req> {
        #[pin]
        step: Step,
        inner: S,
        // Taken when the inner service is called.
        request: Option<Req>,
        shared: Arc<Shared>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step {
        // The inner service is not ready, and holds no place in a limit.
        Token { #[pin] waiting: Waiting },
        // There was a token when last polled, or none was looked up yet.
        Ready,
    }
}

impl<S, Req> Slow<S, Req> {
    /// Returns the call of the inner service, once it has been made.
    fn poll_call(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(S::Future, Attached), BoxError>>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        Req: AuthRequest<S::Response>,
    {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProj::Token { waiting } => {
                    let waited = ready!(waiting.poll(cx));
                    waited.map_err(|error| not_called(error, this.request))?;
                    this.step.set(Step::Ready);
                }
                StepProj::Ready => {
                    ready!(this.inner.poll_ready(cx)).map_err(NotCalled::unmark)?;
                    match this.shared.join() {
                        Lookup::Ready(token) => {
                            // Taken once; a completed future that is polled stays pending.
                            let Some(mut request) = this.request.take() else {
                                return Poll::Pending;
                            };
                            request
                                .headers_mut()
                                .insert(AUTHORIZATION, token.header().clone());
                            let attached = this.shared.attached(&token);
                            return Poll::Ready(Ok((this.inner.call(request), attached)));
                        }
                        Lookup::Failed(error) => {
                            return Poll::Ready(Err(not_called(error, this.request)));
                        }
                        Lookup::Pending(waiting) => {
                            let not_ready_inner = this.inner.clone();
                            *this.inner = not_ready_inner;
                            this.step.set(Step::Token { waiting });
                        }
                    }
                }
            }
        }
    }
}

/// Marks `error`, raised before `request` was sent.
fn not_called<Req, Res>(error: Error, request: &Option<Req>) -> BoxError
where
    Req: AuthRequest<Res>,
{
    match request {
        Some(request) => NotCalled::mark(error, request).into(),
        None => error.into(),
    }
}
