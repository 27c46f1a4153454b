//! Retries a call that failed for want of a token, once there may be one.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep_until},
};
use tower::retry::{
    Policy,
    budget::{Budget, TpsBudget},
};

use crate::{
    BoxError,
    auth::{AuthRequest, NotCalled, ReplayRequest},
    time::{self, TICK},
};

/// Sets how long to wait if the error sets no time.
const SOON: Duration = Duration::from_secs(1);

/// Retries a call for which there was no token, if there may be one soon: a policy for `tower::retry`.
///
/// It never sends anything twice: it retries an error that the layer raised *before* it called the inner
/// service, which [`NotCalled`] proves, about this very request, if it is
/// [transient](crate::Error::is_transient). Responses and errors of the inner service are passed
/// on, even if they resemble one.
///
/// It waits for the [`retry_after`](crate::Error::retry_after) of the error, or a second at most
/// without one; up to three times per call, up to 5 s each, and within a budget for all calls together:
/// `tower`'s [`TpsBudget`] with its defaults.
///
/// Place it directly above the layer; a layer between them must not change method or address of a request.
/// It costs a clone of each request: the body must be a [`ReplayBody`](crate::replay::ReplayBody). Clones share the
/// budget. Outside a tokio runtime no call is retried.
///
/// # Panics
///
/// If a call is retried inside a tokio runtime whose timers are disabled.
///
/// # Examples
///
/// ```
/// use std::{convert::Infallible, time::Duration};
/// use enkash_auth_tower::{Credentials, EnkashAuthLayer, Environment, TokenCache, TokenEndpoint, TokenRetry};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, retry::RetryLayer, service_fn};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let client = ServiceBuilder::new()
///     .layer(RetryLayer::new(TokenRetry::new().longest_pause(Duration::from_secs(2))))
///     .layer(EnkashAuthLayer::new(tokens))
///     .service(service_fn(|request: Request<String>| async move {
///         Ok::<_, Infallible>(Response::new(request.into_body()))
///     }));
/// # drop(client);
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a policy retries nothing by itself"]
pub struct TokenRetry {
    budget: Arc<dyn Budget + Send + Sync>,
    /// For one call: `tower` clones the policy for each.
    retries: u32,
    longest_pause: Duration,
}

impl TokenRetry {
    /// Creates the policy with its defaults.
    pub fn new() -> Self {
        Self {
            budget: Arc::new(TpsBudget::default()),
            retries: 3,
            longest_pause: Duration::from_secs(5),
        }
    }

    /// Sets how often one call is retried: by default, three times.
    pub fn retries(mut self, most: u32) -> Self {
        self.retries = most;
        self
    }

    /// Sets how long a call waits each time: by default, up to 5 s. An error with a longer time is
    /// returned at once.
    pub fn longest_pause(mut self, limit: Duration) -> Self {
        self.longest_pause = limit;
        self
    }

    /// Sets the budget that all calls share. Each retry withdraws from it, each response deposits into it.
    pub fn budget(mut self, budget: impl Budget + Send + Sync + 'static) -> Self {
        self.budget = Arc::new(budget);
        self
    }

    /// Returns the pause before `request`, which had `result`, is retried.
    fn pause<Req, Res>(
        &mut self,
        request: &Req,
        result: &Result<Res, BoxError>,
    ) -> Option<RetryPause>
    where
        Req: AuthRequest<Res>,
    {
        let Err(error) = result else {
            self.budget.deposit();
            return None;
        };
        let not_called =
            NotCalled::of(&**error).filter(|it| it.is_about(request.method(), request.target()))?;
        let error = not_called.error();
        let pause = error.retry_after().unwrap_or(SOON.min(self.longest_pause));
        if !error.is_transient() || pause > self.longest_pause {
            return None;
        }
        Handle::try_current().ok()?;
        self.retries = self.retries.checked_sub(1)?;
        self.budget
            .withdraw()
            // By then the backoff of the cache has passed, on its own clock.
            .then(|| RetryPause {
                sleep: sleep_until(time::deadline(pause.saturating_add(TICK))),
            })
    }
}

impl Default for TokenRetry {
    fn default() -> Self {
        Self::new()
    }
}

impl<Req, Res> Policy<Req, Res, BoxError> for TokenRetry
where
    Req: AuthRequest<Res> + ReplayRequest,
{
    type Future = RetryPause;

    fn retry(
        &mut self,
        request: &mut Req,
        result: &mut Result<Res, BoxError>,
    ) -> Option<RetryPause> {
        self.pause(request, result)
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        request.try_copy().map(Req::from_copy)
    }
}

impl fmt::Debug for TokenRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRetry")
            .field("retries", &self.retries)
            .field("longest_pause", &self.longest_pause)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Completes when a call may be retried: the future of [`TokenRetry`].
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the call is not retried.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryPause {
        #[pin]
        sleep: Sleep,
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
