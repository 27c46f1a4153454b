//! Fails if checking for a refresh task and starting one are two steps, and if a task that ends is not
//! recorded.

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::{
    cache::refresher::Refresher,
    sync::{model, spawn},
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn refresh_tasks(runtime: &Runtime) -> usize {
    runtime.metrics().num_alive_tasks()
}

#[test]
fn one_refresh_task_runs_at_a_time() {
    model(3, || {
        let policy = RefreshPolicy {
            keep_warm: true,
            ..RefreshPolicy::default()
        };
        let shared = cache_at(&ManualClock::new(), policy);
        let (first, second) = (runtime(), runtime());
        let refresher = Arc::new(Refresher::default());
        let start_on = |runtime: &Runtime| {
            let (refresher, shared) = (Arc::clone(&refresher), Arc::clone(&shared));
            let handle = runtime.handle().clone();
            spawn(move || refresher.start(&handle, &shared, false))
        };
        for start in [start_on(&first), start_on(&first)] {
            start.join().unwrap();
        }
        assert_eq!(refresh_tasks(&first), 1);
        let start = start_on(&second);
        drop(first);
        start.join().unwrap();
        // The concurrent start may have come too early; this one does not.
        refresher.start(second.handle(), &shared, false);
        assert_eq!(refresh_tasks(&second), 1);
    });
}
