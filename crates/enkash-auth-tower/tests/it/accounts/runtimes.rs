//! Runtimes that are dropped or not driven, while accounts of theirs have a place or wait for one.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use enkash_auth_tower::{Accounts, TokenCache, internal::Process};
use tokio::{runtime::Runtime, task::yield_now};

use super::World;
use crate::{support::TokioClock, undriven::paused};

/// Begins a fetch of each account on `runtime`, which is not driven further.
fn begin(
    runtime: &Runtime,
    accounts: &Accounts<u32>,
    ids: std::ops::Range<u32>,
) -> Vec<TokenCache> {
    runtime.block_on(async {
        let handles: Vec<_> = ids.map(|id| accounts.get(&id).unwrap()).collect();
        for handle in &handles {
            tokio::spawn(handle.token());
        }
        for _ in 0..10 {
            yield_now().await;
        }
        handles
    })
}

#[test]
fn dropped_runtime_gives_its_places_back() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(1).build();
    let (first, second) = (paused(), paused());
    let held = begin(&first, &accounts, 0..20);
    assert_eq!(world.requests(), 1);
    drop(first);
    second
        .block_on(accounts.get(&100).unwrap().token())
        .unwrap();
    drop(held);
}

#[test]
fn places_of_undriven_runtime_are_taken_by_another() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(4).build();
    let (first, second) = (paused(), paused());
    let held = begin(&first, &accounts, 0..4);
    assert_eq!(world.requests(), 4);
    second
        .block_on(accounts.get(&100).unwrap().token())
        .unwrap();
    drop(held);
}

/// Waiting for a place is not having one.
#[test]
fn queue_of_undriven_runtime_takes_no_place() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(1).build();
    let (first, second) = (paused(), paused());
    let slow = begin(&second, &accounts, 0..1);
    let queue = begin(&first, &accounts, 1..20);
    assert_eq!(world.requests(), 1);
    for id in 100..110 {
        second.block_on(accounts.get(&id).unwrap().token()).unwrap();
    }
    drop((slow, queue));
}

#[test]
fn reading_of_undriven_runtime_is_repeated_on_another() {
    let world = World::default();
    let (reads, database) = (Arc::new(AtomicU32::new(0)), world.clone());
    let accounts = Accounts::builder(world.server(), move |id| {
        let (nth, database) = (reads.fetch_add(1, Ordering::Relaxed), database.clone());
        async move {
            if nth == 0 {
                pending::<()>().await;
            }
            database.read(id).await
        }
    })
    .clock(TokioClock::new())
    .process(Process::new())
    .build();
    let (first, second) = (paused(), paused());
    let held = begin(&first, &accounts, 1..2);
    second.block_on(accounts.get(&1).unwrap().token()).unwrap();
    drop(held);
}
