//! Refreshing what is used, before its next use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::{Clock, MemoryStore};
use futures_util::future::join_all;
use tokio::{
    runtime::Handle,
    time::{advance, sleep},
};

use super::World;
use crate::support::TokioClock;

#[tokio::test(start_paused = true)]
async fn used_account_is_refreshed_without_a_call() {
    let world = World::default();
    let accounts = world.accounts();
    for id in [1, 2] {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
    sleep(Duration::from_secs(60)).await;
    // One of them is used.
    accounts.get(&1).unwrap().token().await.unwrap();
    sleep(Duration::from_secs(230)).await;
    assert_eq!((world.requests_of(1), world.requests_of(2)), (2, 1));
    // Its second token is not used any more.
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!((world.requests_of(1), world.requests_of(2)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn unused_account_that_is_used_again_is_refreshed_again() {
    let world = World::default();
    let accounts = world.accounts();
    let handle = accounts.get(&1).unwrap();
    handle.token().await.unwrap();
    sleep(Duration::from_secs(3_600)).await;
    for expected in 2..10 {
        handle.token().await.unwrap();
        sleep(Duration::from_secs(30)).await;
        handle.token().await.unwrap();
        sleep(Duration::from_secs(260)).await;
        assert!(handle.peek().is_some(), "{expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_task_refreshes_all_accounts() {
    let world = World::default();
    let accounts = world.accounts();
    join_all((0..1_000).map(|id| accounts.get(&id).unwrap().token())).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
    drop(accounts);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

/// Counts how often it is read.
#[derive(Clone, Debug)]
struct CountingClock(TokioClock, Arc<AtomicU64>);

impl Clock for CountingClock {
    fn monotonic_nanos(&self) -> u64 {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.monotonic_nanos()
    }

    fn unix_nanos(&self) -> u64 {
        self.0.unix_nanos()
    }
}

#[tokio::test(start_paused = true)]
async fn account_that_waits_for_a_place_is_rarely_looked_at() {
    let world = World::default();
    let readings = Arc::new(AtomicU64::new(0));
    let clock = CountingClock(TokioClock::new(), Arc::clone(&readings));
    let accounts = world.builder().clock(clock).max_token_requests(1).build();
    let handles: Vec<_> = (0..2_000).map(|id| accounts.get(&id).unwrap()).collect();
    for handle in &handles {
        drop(tokio::spawn(handle.token()));
    }
    sleep(Duration::from_secs(1)).await;
    let before = readings.load(Ordering::Relaxed);
    sleep(Duration::from_secs(4)).await;
    let per_second = (readings.load(Ordering::Relaxed) - before) / 4;
    assert!(per_second < 2 * 2_000, "{per_second}");
}

/// After a suspension, say.
#[tokio::test(start_paused = true)]
async fn refreshes_due_at_once_leave_time_to_others() {
    let world = World::default();
    let accounts = world.accounts();
    let handles: Vec<_> = (0..2_000).map(|id| accounts.get(&id).unwrap()).collect();
    for use_after in [0, 60] {
        sleep(Duration::from_secs(use_after)).await;
        let tokens = join_all(handles.iter().map(|handle| handle.token())).await;
        assert!(tokens.iter().all(Result::is_ok));
    }
    let before = world.requests();
    advance(Duration::from_secs(400)).await;
    let runtime = Handle::current().metrics();
    while world.requests() == before {
        tokio::task::yield_now().await;
    }
    assert!(runtime.num_alive_tasks() < 1_000);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.requests(), 4_000);
}

#[tokio::test(start_paused = true)]
async fn shared_store_leaves_no_task_for_a_healthy_account() {
    let world = World::default();
    let accounts = world.builder().store(MemoryStore::new()).build();
    let tokens = join_all((0..500).map(|id| accounts.get(&id).unwrap().token())).await;
    assert!(tokens.iter().all(Result::is_ok));
    let runtime = Handle::current().metrics();
    sleep(Duration::from_secs(7)).await;
    assert_eq!(runtime.num_alive_tasks(), 1);
}
