use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use enkash_auth_core::{AccessToken, state::Lookup};
use pin_project_lite::pin_project;

use super::{Shared, Waiting};
use crate::{Error, sync::Arc};

pin_project! {
    /// Resolves to the token: see [`TokenCache::token`](super::TokenCache::token).
    #[must_use = "futures do nothing unless polled"]
    pub struct TokenFuture {
        shared: Arc<Shared>,
        // The generation of a token that is waited past, if a fetch is in flight.
        instead_of: Option<u64>,
        // Set by the first poll that finds no token.
        #[pin]
        waiting: Option<Waiting>,
    }
}

impl TokenFuture {
    pub(super) fn new(shared: &Arc<Shared>, instead_of: Option<u64>) -> Self {
        Self {
            shared: Arc::clone(shared),
            instead_of,
            waiting: None,
        }
    }

    /// Returns the cache.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Future for TokenFuture {
    type Output = Result<AccessToken, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(waiting) = this.waiting.as_mut().as_pin_mut() {
                return waiting.poll(cx);
            }
            match Waiting::join(this.shared, *this.instead_of) {
                Lookup::Ready(token) => return Poll::Ready(Ok(token)),
                Lookup::Failed(error) => return Poll::Ready(Err(error)),
                Lookup::Pending(waiting) => this.waiting.set(Some(waiting)),
            }
        }
    }
}

impl fmt::Debug for TokenFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFuture").finish_non_exhaustive()
    }
}
