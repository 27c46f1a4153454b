use std::fmt;

use enkash_auth_core::{
    Clock, Timestamp,
    account::{self, AttemptId, AttemptOutcome, Witness},
};

use crate::{
    store::Liveness,
    sync::{Arc, Mutex},
    time::Time,
};

/// Permits one token request.
///
/// If it is dropped before the store has the outcome, the witness records it: the outcome if it is set,
/// otherwise uncounted if nothing was sent, and unresolved if something may have been.
pub struct Permit {
    attempt: Arc<PermittedAttempt>,
    is_stored: bool,
    /// Dropped with the permit, so that the store sees that the attempt has ended.
    liveness: Option<Liveness>,
}

/// Tracks the stage of an attempt, for all that may end it.
#[derive(Debug)]
pub struct PermittedAttempt {
    permit: account::Permit,
    witness: Arc<Mutex<Witness>>,
    clock: Time,
    /// Nothing is sent once either clock has reached this.
    send_before: Timestamp,
    stage: Mutex<Stage>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Permitted,
    /// It was sent, or may have been.
    Sent,
    Outcome(AttemptOutcome),
    /// The store or the witness has the outcome.
    Ended,
}

impl Permit {
    pub fn new(
        permit: account::Permit,
        witness: &Arc<Mutex<Witness>>,
        clock: &Time,
        send_before: Timestamp,
        liveness: Option<Liveness>,
        is_stored: bool,
    ) -> Self {
        Self {
            attempt: Arc::new(PermittedAttempt {
                permit,
                witness: Arc::clone(witness),
                clock: clock.clone(),
                send_before,
                stage: Mutex::new(Stage::Permitted),
            }),
            is_stored,
            liveness,
        }
    }

    /// Returns whether the credentials are known good.
    pub fn is_known_good(&self) -> bool {
        self.attempt.permit.is_known_good()
    }

    pub fn attempt(&self) -> &Arc<PermittedAttempt> {
        &self.attempt
    }

    pub fn inner(&self) -> &account::Permit {
        &self.attempt.permit
    }

    /// Removes the attempt, which was not written because another write came first.
    pub fn withdraw(self) {
        *self.attempt.stage.lock() = Stage::Ended;
        self.attempt.witness.lock().withdraw(self.inner().id());
    }

    /// Records the outcome in the witness, for the next write. Keep the returned guard until then.
    pub fn end(mut self, outcome: AttemptOutcome) -> Option<Liveness> {
        self.set_outcome(outcome);
        self.liveness.take()
    }

    /// Returns the id of the attempt, if the store has it.
    pub fn stored_id(&self) -> Option<AttemptId> {
        self.is_stored.then(|| self.inner().id())
    }

    /// Sets the outcome, in case the permit is dropped.
    pub fn set_outcome(&self, outcome: AttemptOutcome) {
        *self.attempt.stage.lock() = Stage::Outcome(outcome);
    }

    /// Marks the outcome as stored.
    pub fn ended(&self) {
        *self.attempt.stage.lock() = Stage::Ended;
    }
}

impl PermittedAttempt {
    /// Returns whether the request may be sent now. After `true` it counts as sent.
    pub fn may_send(&self) -> bool {
        let now = self.clock.now();
        let mut stage = self.stage.lock();
        let may_send = *stage == Stage::Permitted && !self.send_before.has_passed(now);
        if may_send {
            *stage = Stage::Sent;
        }
        may_send
    }

    /// Ends the attempt: nothing is sent from now on.
    pub fn end(&self) {
        let now = self.clock.now();
        let mut stage = self.stage.lock();
        let outcome = match *stage {
            Stage::Permitted => AttemptOutcome::Uncounted,
            Stage::Sent => AttemptOutcome::Unresolved { complete: false },
            Stage::Outcome(outcome) => outcome,
            Stage::Ended => return,
        };
        *stage = Stage::Ended;
        self.witness
            .lock()
            .record_outcome(&self.permit, outcome, now);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.attempt.end();
    }
}
