use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::{AuthRequest, slow::Slow};
use crate::{BoxError, cache::Attached};

pin_project! {
    /// A call that was not made at once.
    #[project = LaterProj]
    pub(super) enum Later<S, Req> {
        // No token yet.
        Waiting { #[pin] slow: Slow<S, Req> },
        // There will be none, or the request must not see it.
        Failed { error: Option<BoxError> },
    }
}

impl<S, Req> Later<S, Req> {
    pub(super) fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed {
            error: Some(error.into()),
        }
    }

    /// The call of the inner service, once it has been made.
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
                // With what has waited goes the inner service, and its place in a limit.
                self.set(Self::Failed { error: None });
                Poll::Ready(called)
            }
            // Taken once; who polls a finished future waits for ever.
            LaterProj::Failed { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}
