use std::{
    error::Error as StdError,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use enkash_auth_core::{
    AccountKey,
    account::AttemptId,
    state::{FetchOutcome, PendingFetch},
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
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
            if let Some(source) = shared.source() {
                source.reload(shared, endpoint).await;
            }
        }
        (outcome, obtained_by)
    }

    /// Waits until the server has another token, and for a place. Returns `false` if the fetch was abandoned.
    async fn begin(&self) -> bool {
        let shared = &self.shared;
        let quarter = shared.policy().fetch_timeout / 4;
        if let Some(reused_for) = shared.reused_for() {
            sleep(reused_for.min(quarter)).await;
        }
        let mut place = pin!(shared.common().places().take(shared.is_failing()));
        // While this is driven, it is not overdue.
        while shared.extend(self.pending) {
            if let Ok(place) = timeout(quarter, &mut place).await {
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
        let took = self.spawned.elapsed();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.span.record("duration_ms", millis);
        let Some(end) = end else {
            // It was counted when it was abandoned.
            self.span.record("outcome", ABANDONED);
            let error = failure(&outcome);
            tracing::debug!(error, "token fetch ended after it was abandoned");
            return;
        };
        self.record(&end, took);
        match end.unusable.map_or(outcome, FetchOutcome::Failed) {
            FetchOutcome::Granted(..) => tracing::debug!("token fetched"),
            FetchOutcome::Aborted => {
                tracing::debug!("token fetch aborted: its runtime was shut down");
            }
            // With its sources: "no connection" alone does not help.
            failed @ FetchOutcome::Failed(_) => {
                tracing::warn!(error = failure(&failed), "token fetch failed");
            }
        }
    }

    /// Records the end in the span and in the metrics.
    fn record(&self, end: &FetchEnd, took: Duration) {
        self.span.record("outcome", end.outcome);
        if let Some(generation) = end.generation {
            self.span.record("generation", generation);
        }
        if let Some(account) = self.account() {
            let meter = self.shared.attempts().meter();
            meter.fetched(account, self.pending.reason(), end.outcome, Some(took));
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
    /// Whether the token is the same, if it had life and one was granted.
    is_same: Option<bool>,
    /// Why a received token is unusable.
    unusable: Option<Error>,
}

impl FetchEnd {
    /// Creates the end of a fetch that completed with `outcome`: its waiters get `error`, if there is one, and
    /// the cached token was of generation `before`, which `had_life` or not, and is of `after`.
    pub fn new(
        outcome: &FetchOutcome<Error>,
        error: Option<&Error>,
        had_life: bool,
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
        let is_same = (had_life && is_granted).then_some(before == after);
        Self {
            outcome,
            is_same,
            generation: after,
            unusable,
        }
    }

    /// Returns whether the token is the same, if it had life and one was granted.
    pub fn is_same(&self) -> Option<bool> {
        self.is_same
    }
}

fn failure(outcome: &FetchOutcome<Error>) -> Option<&(dyn StdError + 'static)> {
    match outcome {
        FetchOutcome::Failed(error) => Some(error),
        _ => None,
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
