//! Refreshing what is used, before its next use.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{runtime::Handle, time::sleep};

use super::World;

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
