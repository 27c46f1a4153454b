use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use crate::deadline;

pin_project! {
    /// The future of [`TokenRetry`](super::TokenRetry): the pause before a call is made again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the call is not made again.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryPause {
        #[pin]
        sleep: Sleep,
    }
}

impl RetryPause {
    pub(super) fn new(span: Duration) -> Self {
        Self {
            sleep: sleep_until(deadline::after(span)),
        }
    }
}

impl Future for RetryPause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().sleep.poll(cx)
    }
}

impl fmt::Debug for RetryPause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPause").finish_non_exhaustive()
    }
}
