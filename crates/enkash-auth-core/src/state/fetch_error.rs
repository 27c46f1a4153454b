use std::time::Duration;

use crate::{Failure, FailureKind};

/// Lets a [`State`](super::State) keep an error: a [`Failure`], or that of a crate which can fail for more
/// reasons.
pub trait FetchError: Clone + From<Failure> {
    /// Returns the kind of failure whose backoff follows this error.
    fn backoff_kind(&self) -> FailureKind;

    /// Returns how long to wait before a new attempt makes sense; `None` if that is unknown.
    fn retry_after(&self) -> Option<Duration>;

    /// Sets the time after which a new attempt makes sense.
    #[must_use]
    fn with_retry_after(self, after: Duration) -> Self;
}

impl FetchError for Failure {
    fn backoff_kind(&self) -> FailureKind {
        self.kind()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after()
    }

    fn with_retry_after(self, after: Duration) -> Self {
        self.with_retry_after(after)
    }
}
