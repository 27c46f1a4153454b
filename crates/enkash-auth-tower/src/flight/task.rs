use std::{error::Error as StdError, sync::Arc, thread};

use enkash_auth_core::{
    Error, ErrorKind,
    state::{Flight, Outcome},
};
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::cache::Shared;

/// Launches `flight` in a task of its own on `runtime`. It lands whatever happens to the task.
pub(crate) fn launch(runtime: &Handle, shared: Arc<Shared>, flight: Flight) {
    let span = tracing::debug_span!(
        "token_fetch",
        account = %shared.endpoint().account(),
        flight = flight.number(),
        reason = %flight.reason(),
    );
    let pilot = Pilot {
        shared,
        flight,
        landed: false,
    };
    runtime.spawn(pilot.fly().instrument(span));
}

/// Lands the flight, also when its task is dropped or panics.
struct Pilot {
    shared: Arc<Shared>,
    flight: Flight,
    landed: bool,
}

impl Pilot {
    async fn fly(mut self) {
        let outcome = self.shared.fetch().run(self.flight).await;
        self.land(outcome);
    }

    fn land(&mut self, outcome: Outcome) {
        self.landed = true;
        match &outcome {
            Outcome::Granted(..) => tracing::debug!("token fetched"),
            Outcome::Failed(error) => {
                // With its sources: "no connection" alone helps nobody.
                tracing::warn!(
                    error = error as &(dyn StdError + 'static),
                    "no token fetched"
                );
            }
            Outcome::Aborted => tracing::debug!("token fetch aborted: its runtime was shut down"),
        }
        self.shared.land(self.flight, outcome);
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        self.land(if thread::panicking() {
            Outcome::Failed(Error::new(
                ErrorKind::Unavailable,
                "the token service panicked",
            ))
        } else {
            Outcome::Aborted
        });
    }
}
