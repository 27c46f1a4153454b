//! Red when a seat is taken under another lock than the decision to wait; when a landing takes its
//! waiters before the state has landed; when a task that dies does not land its flight, or a change of
//! credentials leaves the waiters of the flight that it abandons; and when a place is not given back.

use enkash_auth_core::Error;
use loom::future::block_on;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::sync::{model, spawn};

/// Its tasks are never polled; they end with it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Waits as a caller does, and says which token came.
fn wait(shared: Arc<Shared>) -> Result<u64, Error> {
    let token = block_on(TokenFuture::new(&shared))?;
    Ok(token.generation())
}

/// The flight that is on, or that is launched now.
fn pending(shared: &Arc<Shared>) -> Option<PendingFetch> {
    drop(shared.lookup());
    shared.inner.lock().state.pending()
}

#[test]
fn caller_racing_completion_gets_its_token() {
    model(2, || {
        let (runtime, shared) = (runtime(), cache());
        let entered = runtime.enter();
        let on = pending(&shared).unwrap();
        let waiters = [&shared, &shared].map(|shared| {
            let shared = Arc::clone(shared);
            spawn(|| wait(shared))
        });
        assert!(land(&shared, on, "first"));
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
        let on = pending(&shared).unwrap();
        let waits = Arc::clone(&shared);
        let waiter = spawn(|| wait(waits));
        let lands = Arc::clone(&shared);
        let lands = spawn(move || land(&lands, on, "old"));
        assert!(
            shared
                .change_credentials(credentials("another"), None)
                .unwrap()
        );
        let next = pending(&shared).unwrap();
        assert!(land(&shared, next, "new"));
        assert!(!land(&shared, next, "new"), "it lands once");
        let was_served = waiter.join().unwrap().unwrap();
        let landed_before = lands.join().unwrap();
        assert_eq!(
            shared.status().generation(),
            Some(1 + u64::from(landed_before))
        );
        assert!(was_served <= 1 + u64::from(landed_before));
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
                launch(shared);
            },
            |shared| {
                let changed = shared.change_credentials(credentials("another"), None);
                assert!(changed.unwrap());
            },
        );
    });
}

/// Somebody waits for the flight that `launch` launches, `then` happens, and the runtime ends. So
/// does any flight that the waiter asks for instead. One task at a time: a runtime ends several in
/// an order that changes between executions. With a third interruption the waiter may look at its
/// timer after the runtime has gone, at which tokio panics.
fn outlives_its_runtime(spawn: impl Fn(&Arc<Shared>), then: impl Fn(&Shared)) {
    let (runtime, shared) = (runtime(), cache());
    let handle = runtime.handle().clone();
    let entered = handle.enter();
    launch(&shared);
    let waits = Arc::clone(&shared);
    let waiter = spawn(|| wait(waits));
    then(&shared);
    drop(runtime);
    waiter.join().unwrap().unwrap_err();
    drop(entered);
}
