use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::spawn_blocking;

/// Limits the workers of a runtime: more do not make a disk faster. Their threads are up to twice as many, since
/// those of workers that have just ended may not be idle yet when others are spawned.
pub const WORKERS: usize = 8;

/// Sets how long a worker waits for more work. The runtime's shutdown may wait as long.
const LINGER: Duration = Duration::from_millis(5);

/// Runs blocking work on a few blocking threads of a runtime.
///
/// A `spawn_blocking` for each piece of work would not do: when one ends, and wakes the task that spawns the
/// next, its thread is not idle yet, and so the runtime starts another, time and again.
#[derive(Default)]
pub struct Workers {
    state: Mutex<State>,
    is_added: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    running: usize,
}

type Work = Box<dyn FnOnce() + Send>;

impl Workers {
    /// Runs `work` on a worker, a new one if there are fewer than [`WORKERS`].
    pub fn run(self: &Arc<Self>, work: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.waiting.push_back(Box::new(work));
        self.is_added.notify_one();
        if state.running < WORKERS {
            state.running += 1;
            let workers = Arc::clone(self);
            spawn_blocking(move || {
                while let Some(work) = workers.next() {
                    work();
                }
            });
        }
    }

    /// Waits for work; if there is none, the worker has ended.
    fn next(&self) -> Option<Work> {
        let (mut state, _) = self
            .is_added
            .wait_timeout_while(self.lock(), LINGER, |state| state.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.running -= 1;
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}
