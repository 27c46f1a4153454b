use std::{
    error::Error as StdError,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use enkash_auth_core::{
    Error, ErrorKind,
    account::AttemptId,
    state::{Flight, Outcome},
};
use tokio::{runtime::Handle, time::Instant};
use tracing::{Instrument, Span, field::Empty};

use super::fetch::Fetch;
use crate::{cache::Shared, endpoint::TokenEndpoint, meter, time};

/// Launches `flight` in a task of its own on `runtime`. It lands whatever happens to the task.
pub(crate) fn launch(
    runtime: &Handle,
    shared: &Arc<Shared>,
    endpoint: TokenEndpoint,
    flight: Flight,
) {
    // First of all: whatever panics from here on, it lands.
    let mut pilot = Pilot {
        shared: Arc::clone(shared),
        endpoint,
        flight,
        deadline: time::deadline(shared.policy().fetch_timeout),
        launched: Instant::now(),
        span: Span::none(),
        has_landed: false,
    };
    // It belongs to no caller: its span is not in that of the first one, either.
    let span = tracing::info_span!(
        parent: None,
        "token_fetch",
        account = %pilot.endpoint.account(),
        flight = flight.number(),
        reason = flight.reason().as_str(),
        outcome = Empty,
        generation = Empty,
        duration_ms = Empty,
    );
    span.follows_from(Span::current());
    pilot.span = span.clone();
    runtime.spawn(pilot.fly().instrument(span));
}

/// Lands the flight, also when its task is dropped.
struct Pilot {
    shared: Arc<Shared>,
    endpoint: TokenEndpoint,
    flight: Flight,
    deadline: Instant,
    launched: Instant,
    span: Span,
    has_landed: bool,
}

impl Pilot {
    async fn fly(mut self) {
        let (shared, endpoint) = (Arc::clone(&self.shared), self.endpoint.clone());
        let mut fetch = Fetch::new(&shared, &endpoint, self.flight, self.deadline);
        let outcome = caught(fetch.run()).await;
        let brought_by = fetch.brought_by();
        if matches!(&outcome, Outcome::Failed(error) if error.kind().is_closed()) {
            shared.reload(endpoint.account_credentials()).await;
        }
        self.land(outcome, brought_by);
    }

    fn land(&mut self, outcome: Outcome, brought_by: Option<AttemptId>) {
        self.has_landed = true;
        let ending = self.shared.land(self.flight, outcome.clone(), brought_by);
        let dead = ending.as_ref().and_then(|ending| ending.dead.clone());
        self.record(ending);
        match dead.map_or(outcome, Outcome::Failed) {
            Outcome::Granted(..) => tracing::debug!("token fetched"),
            Outcome::Failed(error) => {
                // With its sources: "no connection" alone does not help.
                tracing::warn!(
                    error = &error as &(dyn StdError + 'static),
                    "no token fetched"
                );
            }
            Outcome::Aborted => tracing::debug!("token fetch aborted: its runtime was shut down"),
        }
    }

    /// Records in the span and in the metrics how the flight ended. One that was abandoned was counted
    /// then.
    fn record(&self, ending: Option<Ending>) {
        let took = self.launched.elapsed();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.span.record("duration_ms", millis);
        let Some(Ending {
            outcome,
            generation,
            ..
        }) = ending
        else {
            self.span.record("outcome", meter::ABANDONED);
            return;
        };
        self.span.record("outcome", outcome);
        if let Some(generation) = generation {
            self.span.record("generation", generation);
        }
        let account = self.endpoint.account();
        meter::fetched(account, self.flight.reason(), outcome, Some(took));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if !self.has_landed {
            self.land(Outcome::Aborted, None);
        }
    }
}

/// Says how a flight ended, in a word, and which token was at hand then.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    outcome: &'static str,
    generation: Option<u64>,
    /// Why a token that came is of no use.
    dead: Option<Error>,
}

impl Ending {
    /// Creates the ending of a flight that landed with `outcome`: its waiters get `error`, if there is one,
    /// and the token at hand was that of generation `before` and is that of `after`.
    pub(crate) fn new(
        outcome: &Outcome,
        error: Option<&Error>,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Self {
        let is_granted = matches!(outcome, Outcome::Granted(..));
        let outcome = match (outcome, error) {
            (Outcome::Aborted, _) => "aborted",
            (Outcome::Failed(error), _) | (Outcome::Granted(..), Some(error)) => {
                error.kind().as_str()
            }
            // A sticky issuer's token came again.
            (Outcome::Granted(..), None) if before == after => "repeated",
            (Outcome::Granted(..), None) => "granted",
        };
        let dead = error.filter(|_| is_granted).cloned();
        Self {
            outcome,
            generation: after,
            dead,
        }
    }
}

/// Fails the flight if the user's token service panics, as for any other fault of the service.
async fn caught(run: impl Future<Output = Outcome>) -> Outcome {
    let mut run = pin!(run);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx))).unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Unavailable, "the token service panicked");
            Poll::Ready(Outcome::Failed(error))
        })
    })
    .await
}
