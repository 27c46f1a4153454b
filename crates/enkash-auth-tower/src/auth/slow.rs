use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::Error;
use http::header::AUTHORIZATION;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, NotCalled};
use crate::{
    BoxError,
    cache::{Attached, Shared, Started, Waiting},
    sync::Arc,
};

pin_project! {
    /// A call without a token at hand: waits for one, readies an inner service of its own, and
    /// looks at the token once more before it goes.
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
        // The inner service is not ready, and holds nobody's place.
        Token { #[pin] waiting: Waiting },
        // There was a token a moment ago, or nobody has asked yet.
        Ready,
    }
}

impl<S, Req> Slow<S, Req> {
    /// Waits with `waiting` where the state has been asked; otherwise it is asked at the first poll.
    pub(super) fn new(
        waiting: Option<Waiting>,
        not_ready_inner: S,
        request: Req,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            step: waiting.map_or(Step::Ready, |waiting| Step::Token { waiting }),
            inner: not_ready_inner,
            request: Some(request),
            shared,
        }
    }

    /// The call of the inner service, once it has been made.
    pub(super) fn poll_call(
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
                    match this.shared.start() {
                        Started::Token(token) => {
                            // Taken once; who polls a finished future waits for ever.
                            let Some(mut request) = this.request.take() else {
                                return Poll::Pending;
                            };
                            request
                                .headers_mut()
                                .insert(AUTHORIZATION, token.header().clone());
                            let attached = this.shared.attached(&token);
                            return Poll::Ready(Ok((this.inner.call(request), attached)));
                        }
                        Started::Failed(error) => {
                            return Poll::Ready(Err(not_called(error, this.request)));
                        }
                        Started::Waiting(waiting) => {
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

/// `error`, raised while `request` was still here.
fn not_called<Req, Res>(error: Error, request: &Option<Req>) -> BoxError
where
    Req: AuthRequest<Res>,
{
    match request {
        Some(request) => NotCalled::mark(error, request).into(),
        None => error.into(),
    }
}
