//! Fails if a waiter registers under another lock than the decision to wait; if a completion takes its
//! waiters before the state has completed; if a task that dies does not complete its fetch, or a change of
//! credentials leaves the waiters of the fetch that it abandons; and if a waiter is not deducted.

use loom::future::block_on;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::{
    Error,
    sync::{model, spawn},
};

/// Returns a runtime whose tasks are never polled, and end with it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Waits as a caller does, and returns the generation of its token.
fn wait(shared: Arc<Shared>) -> Result<u64, Error> {
    let token = block_on(TokenFuture::new(&shared, None))?;
    Ok(token.generation())
}

/// Returns the pending fetch, or spawns one.
fn pending(shared: &Arc<Shared>) -> Option<PendingFetch> {
    drop(shared.lookup());
    shared.inner.lock().state().pending()
}

#[test]
fn caller_racing_completion_gets_its_token() {
    model(2, || {
        let (runtime, shared) = (runtime(), cache());
        let entered = runtime.enter();
        let fetch = pending(&shared).unwrap();
        let waiters = [&shared, &shared].map(|shared| {
            let shared = Arc::clone(shared);
            spawn(|| wait(shared))
        });
        assert!(complete_fetch(&shared, fetch, "first"));
        let tokens = waiters.map(|waiter| waiter.join().unwrap().unwrap());
        assert_eq!(tokens, [1, 1]);
        assert_eq!(shared.status().waiting(), 0);
        drop(entered);
    });
}

#[test]
fn waiters_of_abandoned_fetch_join_the_next() {
    model(2, || {
        let (runtime, shared) = (runtime(), cache());
        let entered = runtime.enter();
        let fetch = pending(&shared).unwrap();
        let waits = Arc::clone(&shared);
        let waiter = spawn(|| wait(waits));
        let completes = Arc::clone(&shared);
        let completes = spawn(move || complete_fetch(&completes, fetch, "old"));
        assert!(
            shared
                .change_credentials(credentials("another"), None)
                .unwrap()
        );
        let next = pending(&shared).unwrap();
        assert!(complete_fetch(&shared, next, "new"));
        assert!(!complete_fetch(&shared, next, "new"), "it completes once");
        let was_served = waiter.join().unwrap().unwrap();
        let completed_before = completes.join().unwrap();
        assert_eq!(
            shared.status().generation(),
            Some(1 + u64::from(completed_before))
        );
        assert!(was_served <= 1 + u64::from(completed_before));
        drop(entered);
    });
}

#[test]
fn waiter_is_woken_when_task_dies() {
    model(2, || {
        outlives_its_runtime(
            |shared| {
                pending(shared).unwrap();
            },
            |_| (),
        );
    });
}

#[test]
fn waiter_of_abandoned_fetch_is_woken_without_its_task() {
    model(2, || {
        outlives_its_runtime(
            |shared| {
                begin_fetch(shared);
            },
            |shared| {
                let changed = shared.change_credentials(credentials("another"), None);
                assert!(changed.unwrap());
            },
        );
    });
}

/// Waits for the fetch of `begin`, runs `then`, and drops the runtime, with any fetch that the waiter
/// spawned instead. One task at a time: a runtime ends several in an order that changes between
/// executions. With a third preemption the waiter may poll its timer after the runtime was dropped, at
/// which tokio panics.
fn outlives_its_runtime(begin: impl Fn(&Arc<Shared>), then: impl Fn(&Arc<Shared>)) {
    let (runtime, shared) = (runtime(), cache());
    let handle = runtime.handle().clone();
    let entered = handle.enter();
    begin(&shared);
    let waits = Arc::clone(&shared);
    let waiter = spawn(|| wait(waits));
    then(&shared);
    drop(runtime);
    waiter.join().unwrap().unwrap_err();
    drop(entered);
}
