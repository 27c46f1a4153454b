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

/// Gets, uses, forgets and rereads a few accounts on many threads, more than may be cached.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_use_and_removal_leave_every_account_usable() {
    let world = World::default();
    let accounts = world.builder().capacity(24).max_token_requests(3).build();
    let workers = (0..8).map(|_| {
        let accounts = accounts.clone();
        tokio::spawn(async move {
            for _ in 0..150 {
                let id = fastrand::u32(0..32);
                match fastrand::u32(0..8) {
                    0 => accounts.forget(&id),
                    1 => accounts.credentials_changed(&id).await.unwrap(),
                    _ => drop(accounts.get(&id).unwrap().token().await.unwrap()),
                }
                assert!(accounts.len() <= 24);
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert!(world.with(|state| state.most_in_flight) <= 3);
    for id in 0..32 {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
}
