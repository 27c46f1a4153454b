use std::time::Duration;

use tokio::time::Instant;

use crate::sync::{Arc, Mutex};

/// Keeps a background task to one instance, until it ends or its heartbeat is late: its runtime may have
/// shut down, or not be driven.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Counts the tasks: only the latest continues.
    number: u64,
    /// When the next heartbeat is due; `None` if no task is running.
    due: Option<Instant>,
}

/// Represents the running task. Dropping it lets another start.
pub struct Beating {
    heartbeat: Heartbeat,
    number: u64,
}

impl Heartbeat {
    /// Starts a task whose next heartbeat is due in `span`. Returns `None` if another is running, unless this
    /// one `replaces` it.
    pub fn start(&self, span: Duration, replaces: bool) -> Option<Beating> {
        let now = Instant::now();
        let mut state = self.0.lock();
        if !replaces && state.due.is_some_and(|due| now <= due) {
            return None;
        }
        state.number += 1;
        state.due = Some(now + span);
        Some(Beating {
            heartbeat: self.clone(),
            number: state.number,
        })
    }

    /// Replaces the task by none.
    pub fn stop(&self) {
        let mut state = self.0.lock();
        state.number += 1;
        state.due = None;
    }
}

impl Beating {
    /// Records a heartbeat; the next is due in `span`. Returns `false` if another task has replaced this one.
    pub fn beat(&self, span: Duration) -> bool {
        let due = Instant::now() + span;
        let mut state = self.heartbeat.0.lock();
        let is_latest = state.number == self.number;
        if is_latest {
            state.due = Some(due);
        }
        is_latest
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        let mut state = self.heartbeat.0.lock();
        if state.number == self.number {
            state.due = None;
        }
    }
}
