//! The source of the credentials: it fails, hangs, panics, is slow, and returns others.

use std::{
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::Credentials;
use enkash_auth_tower::{Accounts, BoxError, ErrorKind};
use futures_util::{FutureExt, future::join_all};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::World;
use crate::support::TokioClock;

#[tokio::test(start_paused = true)]
async fn source_is_asked_once_for_all_callers() {
    let world = World::default();
    let accounts = world.accounts();
    let callers = (0..1_000).map(|_| accounts.get(&1).unwrap().token());
    assert!(join_all(callers).await.iter().all(Result::is_ok));
    assert_eq!((world.with(|state| state.reads), world.requests()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn failed_source_is_one_error_and_asked_after_backoff() {
    let world = World::default();
    world.with(|state| state.is_database_down = true);
    let accounts = world.accounts();
    for _ in 0..100 {
        let error = accounts.get(&1).unwrap().token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
        assert!(error.is_transient() && error.retry_after().is_some());
    }
    assert_eq!((world.with(|state| state.reads), world.requests()), (1, 0));
    world.with(|state| state.is_database_down = false);
    sleep(Duration::from_secs(1)).await;
    accounts.get(&1).unwrap().token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failed_source_drops_no_token() {
    let world = World::default();
    let accounts = world.accounts();
    let served = async || {
        let token = accounts.get(&1).unwrap().token().await.unwrap();
        token.expose().to_owned()
    };
    let token = served().await;
    world.with(|state| state.is_database_down = true);
    let error = accounts.credentials_changed(&1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCredentials);
    assert_eq!(served().await, token);
    // Nor is it asked for a refresh.
    sleep(Duration::from_secs(295)).await;
    assert_ne!(served().await, token);
}

fn accounts_of<F>(world: &World, source: impl Fn(u32) -> F + Send + Sync + 'static) -> Accounts<u32>
where
    F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
{
    Accounts::builder(world.server(), source)
        .clock(TokioClock::new())
        .process(enkash_auth_tower::internal::Process::new())
        .build()
}

#[tokio::test(start_paused = true)]
async fn hanging_source_fails_within_the_fetch_timeout() {
    let accounts = accounts_of(&World::default(), |_| pending());
    let before = Instant::now();
    let error = accounts.get(&1).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCredentials);
    let took = before.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
}

/// A connection to a database that was lost never responds.
#[tokio::test(start_paused = true)]
async fn source_that_hung_is_read_again() {
    let world = World::default();
    let credentials = world.account(1, "password");
    let readings = AtomicU32::new(0);
    let accounts = accounts_of(&world, move |_| {
        let hangs = readings.fetch_add(1, Ordering::Relaxed) == 0;
        let credentials = credentials.clone();
        async move {
            if hangs {
                pending::<()>().await;
            }
            Ok(credentials)
        }
    });
    let tokens = accounts.get(&1).unwrap();
    tokens.token().await.unwrap_err();
    sleep(Duration::from_secs(3)).await;
    tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn panicking_source_is_an_error() {
    let accounts = accounts_of(&World::default(), |id| {
        assert_ne!(id, 1, "planned: before there is a future");
        async move { panic!("planned: {id}") }
    });
    for id in [1, 2] {
        let error = accounts.get(&id).unwrap().token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_source_delays_its_own_account_only() {
    let world = World::default();
    let database = world.clone();
    let accounts = accounts_of(&world, move |id| {
        let credentials = database.account(id, "password");
        async move {
            sleep(Duration::from_secs(u64::from(id % 2) * 5)).await;
            Ok(credentials)
        }
    });
    let slow = (0..100).map(|id| accounts.get(&(2 * id + 1)).unwrap().token());
    let slow = tokio::spawn(join_all(slow));
    tokio::task::yield_now().await;
    let before = Instant::now();
    accounts.get(&2).unwrap().token().await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(100));
    assert!(slow.await.unwrap().iter().all(Result::is_ok));
}

/// Two caches of one account would make each other's tokens invalid.
#[tokio::test(start_paused = true)]
async fn credentials_of_another_cached_account_are_an_error() {
    let world = World::default();
    let credentials = world.account(1, "password");
    let accounts = accounts_of(&world, move |_| ready(Ok(credentials.clone())));
    let first = accounts.get(&1).unwrap();
    first.token().await.unwrap();
    let error = accounts.get(&2).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    assert!(error.to_string().contains("another account"), "{error}");
    assert_eq!(world.requests(), 1);
    // Once the other one is not cached any more, they are not another's.
    drop(first);
    accounts.forget(&1);
    sleep(Duration::from_secs(1)).await;
    accounts.get(&2).unwrap().token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn typed_error_of_the_source_is_passed_on() {
    let accounts = accounts_of(&World::default(), |_| {
        let unknown = enkash_auth_tower::Error::new(ErrorKind::NoAccount, "unknown merchant");
        ready(Err(unknown.into()))
    });
    let error = accounts.get(&1).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoAccount);
    assert!(!error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn credentials_of_other_grant_are_an_error() {
    let accounts = accounts_of(&World::default(), |_| async {
        Ok(Credentials::merchant("key", "secret"))
    });
    let error = accounts.get(&1).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
}

#[tokio::test(start_paused = true)]
async fn changed_credentials_serve_the_call_after_the_rejection() {
    let world = World::default();
    let accounts = world.accounts();
    for id in [1, 2] {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
    world.with(|state| {
        state.passwords.insert(1, "new");
        state.known.insert(1, "new");
    });
    sleep(Duration::from_secs(299)).await;
    accounts.get(&1).unwrap().token().await.unwrap();
    assert_eq!(world.requests_of(1), 3, "first, rejected, granted");
    accounts.get(&2).unwrap().token().await.unwrap();
    assert_eq!(world.requests_of(2), 2);
}

#[tokio::test(start_paused = true)]
async fn change_that_is_told_costs_no_rejection() {
    let world = World::default();
    let accounts = world.accounts();
    accounts.get(&1).unwrap().token().await.unwrap();
    world.with(|state| {
        state.passwords.insert(1, "new");
        state.known.insert(1, "new");
    });
    accounts.credentials_changed(&1).await.unwrap();
    accounts.credentials_changed(&7).await.unwrap();
    sleep(Duration::from_secs(299)).await;
    accounts.get(&1).unwrap().token().await.unwrap();
    assert_eq!(world.requests_of(1), 2);
    assert_eq!(accounts.get(&1).unwrap().status().strikes(), 0);
}

#[tokio::test(start_paused = true)]
async fn change_after_failed_source_is_used_at_once() {
    let world = World::default();
    world.with(|state| state.is_database_down = true);
    let accounts = world.accounts();
    accounts.get(&1).unwrap().token().await.unwrap_err();
    world.with(|state| state.is_database_down = false);
    accounts.credentials_changed(&1).await.unwrap();
    accounts.get(&1).unwrap().token().await.unwrap();
}

/// The account may be used again, and its next reading hangs, too.
#[tokio::test(start_paused = true)]
async fn hanging_reading_ends_with_its_account() {
    let accounts = accounts_of(&World::default(), |_| pending());
    for _ in 0..3 {
        accounts.get(&1).unwrap().token().await.unwrap_err();
        accounts.forget(&1);
    }
    sleep(Duration::from_secs(61)).await;
    // The refresher.
    assert!(Handle::current().metrics().num_alive_tasks() <= 1);
}

/// The first reading began before the change, and ends after it.
#[tokio::test(start_paused = true)]
async fn told_change_is_not_answered_by_an_earlier_reading() {
    let world = World::default();
    let database = world.clone();
    let reads = Arc::new(AtomicU32::new(0));
    let accounts = accounts_of(&world, move |id| {
        let (database, nth) = (database.clone(), reads.fetch_add(1, Ordering::Relaxed));
        async move {
            let credentials = database.read(id).await;
            sleep(Duration::from_secs(if nth == 0 { 3 } else { 1 })).await;
            credentials
        }
    });
    let handle = accounts.get(&1).unwrap();
    let first = tokio::spawn(handle.token());
    sleep(Duration::from_secs(1)).await;
    world.with(|state| {
        state.passwords.insert(1, "new");
        state.known.insert(1, "new");
    });
    accounts.credentials_changed(&1).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!((world.requests(), handle.status().strikes()), (1, 0));
}

#[test]
fn change_told_outside_a_runtime_is_a_typed_error() {
    let accounts = World::default().accounts();
    let _handle = accounts.get(&1).unwrap();
    let told = accounts.credentials_changed(&1).now_or_never().unwrap();
    assert_eq!(told.unwrap_err().kind(), ErrorKind::NoRuntime);
}
