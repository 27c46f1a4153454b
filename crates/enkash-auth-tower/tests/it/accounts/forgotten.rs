//! Accounts that are removed from the cache while they are in use.

use std::time::Duration;

use enkash_auth_tower::ErrorKind;
use tokio::time::sleep;

use super::World;

#[tokio::test(start_paused = true)]
async fn forgotten_account_is_fetched_while_a_handle_is_held() {
    let world = World::default();
    let accounts = world.accounts();
    let old = accounts.get(&1).unwrap();
    old.token().await.unwrap();
    accounts.forget(&1);
    let new = accounts.get(&1).unwrap();
    new.token().await.unwrap();
    assert_eq!(world.requests(), 2);
    // The old one goes on to work, and may be dropped at any time.
    sleep(Duration::from_secs(300)).await;
    old.token().await.unwrap();
    drop(old);
    new.token().await.unwrap();
    accounts.get(&1).unwrap().token().await.unwrap();
    assert_eq!(world.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn account_forgotten_during_its_first_fetch_is_fetched() {
    let world = World::default();
    let accounts = world.accounts();
    let old = accounts.get(&1).unwrap();
    let first = tokio::spawn(old.token());
    tokio::task::yield_now().await;
    accounts.forget(&1);
    let new = accounts.get(&1).unwrap();
    new.token().await.unwrap();
    first.await.unwrap().unwrap();
}

/// To forget one does not let two ids share an account.
#[tokio::test(start_paused = true)]
async fn forgotten_handle_does_not_displace_the_cached_account() {
    let world = World::default();
    let credentials = world.account(1, "password");
    let accounts = enkash_auth_tower::Accounts::builder(world.server(), move |_: u32| {
        std::future::ready(Ok(credentials.clone()))
    })
    .clock(crate::support::TokioClock::new())
    .process(enkash_auth_tower::internal::Process::new())
    .build();
    let old = accounts.get(&1).unwrap();
    accounts.forget(&1);
    accounts.get(&1).unwrap().token().await.unwrap();
    old.token().await.unwrap();
    let error = accounts.get(&2).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
}
