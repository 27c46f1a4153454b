use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use enkash_auth_core::state::Lookup;
use http::header::AUTHORIZATION;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, NotCalled};
use crate::{
    BoxError, Error,
    cache::{Attached, Shared, Waiting},
    sync::Arc,
};

pin_project! {
    /// Waits for a token, readies an inner service of its own, and looks up the token once more before it
    /// makes the call.
    pub struct Deferred<S, Req> {
        #[pin]
        state: State,
        inner: S,
        // Taken when the inner service is called.
        request: Option<Req>,
        shared: Arc<Shared>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State {
        // The inner service is not ready, and holds no place in a limit.
        Waiting { #[pin] waiting: Waiting },
        // There was a token a moment ago, or none was looked up yet.
        Ready,
    }
}

impl<S, Req> Deferred<S, Req> {
    /// Waits with `waiting`, or looks up the token at the first poll.
    pub fn new(
        waiting: Option<Waiting>,
        not_ready_inner: S,
        request: Req,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            state: waiting.map_or(State::Ready, |waiting| State::Waiting { waiting }),
            inner: not_ready_inner,
            request: Some(request),
            shared,
        }
    }

    /// Returns the future of the inner service, once it has been called.
    ///
    /// # Errors
    ///
    /// The inner service was not called.
    #[inline(never)]
    pub fn poll_call(
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
            match this.state.as_mut().project() {
                StateProj::Waiting { waiting } => {
                    let waited = ready!(waiting.poll(cx));
                    waited.map_err(|error| not_called(error, this.request))?;
                    this.state.set(State::Ready);
                }
                StateProj::Ready => {
                    ready!(this.inner.poll_ready(cx)).map_err(NotCalled::unmark)?;
                    match this.shared.join() {
                        Lookup::Ready(token) => {
                            // Taken once; a finished future that is polled stays pending.
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
                            this.state.set(State::Waiting { waiting });
                        }
                    }
                }
            }
        }
    }
}

/// Marks `error`, raised while `request` was still here.
fn not_called<Req, Res>(error: Error, request: &Option<Req>) -> BoxError
where
    Req: AuthRequest<Res>,
{
    match request {
        Some(request) => NotCalled::mark(error, request).into(),
        None => error.into(),
    }
}
