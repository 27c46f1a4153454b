use std::{
    error::Error as StdError,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use enkash_auth_core::{
    AccountKey,
    account::AttemptId,
    state::{FetchOutcome, PendingFetch},
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};
use tracing::{Instrument, Span, field::Empty};

use super::{Shared, fetch::Fetch};
use crate::{Error, ErrorKind, endpoint::TokenEndpoint, meter::ABANDONED, time};

/// Spawns a task for `pending` on `runtime`. It completes whatever happens to the task.
pub fn spawn(
    runtime: &Handle,
    shared: &Arc<Shared>,
    endpoint: Option<TokenEndpoint>,
    pending: PendingFetch,
) {
    // Created first: the fetch completes even if anything below panics.
    let mut task = FetchTask {
        shared: Arc::clone(shared),
        endpoint,
        pending,
        spawned: Instant::now(),
        span: Span::none(),
        is_completed: false,
    };
    // The fetch belongs to no caller: its span has no parent.
    let span = tracing::info_span!(
        parent: None,
        "token_fetch",
        account = task.account().map(display),
        fetch = pending.number(),
        reason = pending.reason().as_str(),
        outcome = Empty,
        generation = Empty,
        duration_ms = Empty,
    );
    span.follows_from(Span::current());
    task.span = span.clone();
    runtime.spawn(task.run().instrument(span));
}

/// Completes the fetch, even if its task is dropped.
struct FetchTask {
    shared: Arc<Shared>,
    /// As of the start of the fetch: the cache may have newer credentials.
    endpoint: Option<TokenEndpoint>,
    pending: PendingFetch,
    spawned: Instant,
    span: Span,
    is_completed: bool,
}

impl FetchTask {
    async fn run(mut self) {
        let (outcome, obtained_by) = match self.resolve().await {
            Ok(endpoint) => self.fetch(&endpoint).await,
            Err(error) => (FetchOutcome::Failed(error), None),
        };
        self.complete(outcome, obtained_by);
    }

    async fn resolve(&mut self) -> Result<TokenEndpoint, Error> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let endpoint = self.shared.resolve().await?;
        Ok(self.endpoint.insert(endpoint).clone())
    }

    async fn fetch(&self, endpoint: &TokenEndpoint) -> (FetchOutcome<Error>, Option<AttemptId>) {
        let shared = &self.shared;
        if !self.begin().await {
            return (FetchOutcome::Aborted, None);
        }
        let deadline = time::deadline(shared.policy().fetch_timeout);
        let mut fetch = Fetch::new(shared, endpoint, self.pending, deadline);
        let outcome = caught(fetch.run()).await;
        let obtained_by = fetch.obtained_by();
        if matches!(&outcome, FetchOutcome::Failed(error) if error.kind().is_closed()) {
            // Nothing is sent meanwhile.
            shared.give_back(self.pending);
            shared.reload(endpoint.account_credentials()).await;
        }
        (outcome, obtained_by)
    }

    /// Waits for a place. Returns `false` if the fetch was abandoned.
    async fn begin(&self) -> bool {
        let shared = &self.shared;
        let mut place = pin!(shared.common().places.take(shared.is_failing()));
        // While this is driven, it is not overdue.
        while shared.extend(self.pending) {
            if let Ok(place) = timeout(shared.policy().fetch_timeout / 4, &mut place).await {
                return shared.begin(self.pending, place);
            }
        }
        false
    }

    fn account(&self) -> Option<AccountKey> {
        self.endpoint.as_ref().map(TokenEndpoint::account)
    }

    fn complete(&mut self, outcome: FetchOutcome<Error>, obtained_by: Option<AttemptId>) {
        self.is_completed = true;
        let end = self
            .shared
            .complete(self.pending, outcome.clone(), obtained_by);
        let unusable = end.as_ref().and_then(|end| end.unusable.clone());
        self.record(end);
        match unusable.map_or(outcome, FetchOutcome::Failed) {
            FetchOutcome::Granted(..) => tracing::debug!("token fetched"),
            FetchOutcome::Failed(error) => {
                // With its sources: "no connection" alone does not help.
                tracing::warn!(
                    error = &error as &(dyn StdError + 'static),
                    "token fetch failed"
                );
            }
            FetchOutcome::Aborted => {
                tracing::debug!("token fetch aborted: its runtime was shut down");
            }
        }
    }

    /// Records the outcome in the span and in the metrics. An abandoned fetch was counted already.
    fn record(&self, end: Option<FetchEnd>) {
        let took = self.spawned.elapsed();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.span.record("duration_ms", millis);
        let Some(FetchEnd {
            outcome,
            generation,
            ..
        }) = end
        else {
            self.span.record("outcome", ABANDONED);
            return;
        };
        self.span.record("outcome", outcome);
        if let Some(generation) = generation {
            self.span.record("generation", generation);
        }
        if let Some(account) = self.account() {
            let meter = self.shared.attempts().meter();
            meter.fetched(account, self.pending.reason(), outcome, Some(took));
        }
    }
}

impl Drop for FetchTask {
    fn drop(&mut self) {
        if !self.is_completed {
            self.complete(FetchOutcome::Aborted, None);
        }
    }
}

/// Describes how a fetch ended, in a word, and which token was cached then.
#[derive(Clone, Debug)]
pub struct FetchEnd {
    outcome: &'static str,
    generation: Option<u64>,
    /// Why a received token is unusable.
    unusable: Option<Error>,
}

impl FetchEnd {
    /// Creates the end of a fetch that completed with `outcome`: its waiters get `error`, if there is one, and
    /// the cached token was of generation `before` and is of `after`.
    pub fn new(
        outcome: &FetchOutcome<Error>,
        error: Option<&Error>,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Self {
        let is_granted = matches!(outcome, FetchOutcome::Granted(..));
        let outcome = match (outcome, error) {
            (FetchOutcome::Aborted, _) => "aborted",
            (FetchOutcome::Failed(error), _) | (FetchOutcome::Granted(..), Some(error)) => {
                error.kind().as_str()
            }
            // An issuer reused its token.
            (FetchOutcome::Granted(..), None) if before == after => "repeated",
            (FetchOutcome::Granted(..), None) => "granted",
        };
        let unusable = error.filter(|_| is_granted).cloned();
        Self {
            outcome,
            generation: after,
            unusable,
        }
    }
}

/// Fails the fetch if the user's token service panics, as for any other fault of the service.
async fn caught(run: impl Future<Output = FetchOutcome<Error>>) -> FetchOutcome<Error> {
    let mut run = pin!(run);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx))).unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Unavailable, "the token service panicked");
            Poll::Ready(FetchOutcome::Failed(error))
        })
    })
    .await
}
