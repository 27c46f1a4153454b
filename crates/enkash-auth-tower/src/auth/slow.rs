use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, header::AUTHORIZATION};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BoxError,
    cache::{Shared, Started, Waiting},
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

impl<S, B> Slow<S, Request<B>> {
    /// Waits with `waiting` where the state has been asked; otherwise it is asked at the first poll.
    pub(super) fn new(
        waiting: Option<Waiting>,
        not_ready_inner: S,
        request: Request<B>,
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
    ) -> Poll<Result<S::Future, BoxError>>
    where
        S: Service<Request<B>> + Clone,
        S::Error: Into<BoxError>,
    {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProj::Token { waiting } => {
                    ready!(waiting.poll(cx))?;
                    this.step.set(Step::Ready);
                }
                StepProj::Ready => {
                    ready!(this.inner.poll_ready(cx)).map_err(Into::into)?;
                    match this.shared.start() {
                        Started::Token(token) => {
                            // Taken once; who polls a finished future waits for ever.
                            let Some(mut request) = this.request.take() else {
                                return Poll::Pending;
                            };
                            request
                                .headers_mut()
                                .insert(AUTHORIZATION, token.header().clone());
                            return Poll::Ready(Ok(this.inner.call(request)));
                        }
                        Started::Failed(error) => return Poll::Ready(Err(error.into())),
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
