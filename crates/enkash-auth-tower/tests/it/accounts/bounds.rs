//! What one account can cost the others, and how many there may be.

use std::{
    future::{pending, ready},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::{
    AccountKey, Accounts, ErrorKind, Loaded, MemoryStore, Store, StoreFuture, internal::Process,
};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::{RESPONSE, World};
use crate::{log::Log, support::TokioClock};

#[tokio::test(start_paused = true)]
async fn token_requests_in_flight_are_limited() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(7).build();
    let callers = (0..2_000).map(|id| accounts.get(&id).unwrap().token());
    assert!(join_all(callers).await.iter().all(Result::is_ok));
    assert_eq!(world.with(|state| state.most_in_flight), 7);
    assert_eq!(world.requests(), 2_000);
}

/// With one place and 20 ms each, the last of them waits for longer than a fetch may take.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_is_no_timeout_of_the_fetch() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(1).build();
    let handles: Vec<_> = (0..1_500).map(|id| accounts.get(&id).unwrap()).collect();
    for handle in &handles {
        drop(handle.token().await.map_err(|error| error.kind()));
        if handle.account() == handles[0].account() {
            break;
        }
    }
    // All at once; callers wait for 10 s, and the fetches go on without them.
    let results = join_all(handles.iter().map(|handle| handle.token())).await;
    let timed_out = |kind| kind == ErrorKind::WaitTimeout;
    let failed = results.iter().filter_map(|result| result.as_ref().err());
    assert!(failed.clone().all(|error| timed_out(error.kind())));
    assert!(failed.count() > 0);
    sleep(RESPONSE * 1_500).await;
    assert!(handles.iter().all(|handle| handle.peek().is_some()));
    assert_eq!(world.requests(), 1_500);
}

#[tokio::test(start_paused = true)]
async fn fetch_abandoned_before_its_place_is_logged_as_such() {
    let log = Log::start();
    let world = World::default();
    let accounts = world.builder().max_token_requests(1).build();
    let [first, second] = [1, 2].map(|id| accounts.get(&id).unwrap());
    let callers = async { tokio::join!(first.token(), second.token()) };
    let changes = async {
        sleep(RESPONSE / 2).await;
        world.with(|state| state.passwords.insert(2, "another"));
        second.set_credentials(world.account(2, "another")).unwrap();
    };
    let (tokens, ()) = tokio::join!(callers, changes);
    assert!(tokens.0.is_ok() && tokens.1.is_ok());
    let text = log.text();
    assert!(
        text.contains("token fetch ended after it was abandoned"),
        "{text}"
    );
    assert!(!text.contains("its runtime was shut down"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn storm_of_one_account_takes_one_place() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(1).build();
    let storm = (0..10_000).map(|_| accounts.get(&1).unwrap().token());
    let storm = tokio::spawn(join_all(storm));
    tokio::task::yield_now().await;
    let before = Instant::now();
    accounts.get(&2).unwrap().token().await.unwrap();
    assert!(before.elapsed() <= 2 * RESPONSE + Duration::from_millis(5));
    assert!(storm.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(world.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn capacity_displaces_what_was_not_used_for_longest() {
    let world = World::default();
    let accounts = world.builder().capacity(10).build();
    for id in 0..10 {
        accounts.get(&id).unwrap().token().await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    // Used again, and in use.
    accounts.get(&0).unwrap().token().await.unwrap();
    let held = accounts.get(&1).unwrap();
    for id in 10..100 {
        accounts.get(&id).unwrap().token().await.unwrap();
        assert!(accounts.len() <= 10);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.requests(), 100);
    held.token().await.unwrap();
    accounts.get(&1).unwrap().token().await.unwrap();
    assert_eq!(world.requests_of(1), 1, "it was held");
}

#[tokio::test(start_paused = true)]
async fn accounts_in_use_are_not_displaced() {
    let accounts = World::default().builder().capacity(10).build();
    let held: Vec<_> = (0..10).map(|id| accounts.get(&id).unwrap()).collect();
    let error = accounts.get(&10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Saturated);
    drop(held);
    accounts.get(&10).unwrap();
}

#[tokio::test(start_paused = true)]
async fn account_in_backoff_is_displaced_by_its_age_alone() {
    let world = World::default();
    let accounts = world.builder().capacity(2).build();
    world.with(|state| state.passwords.insert(1, "another"));
    let call = async |id| accounts.get(&id).unwrap().token().await;
    for _ in 0..2 {
        sleep(Duration::from_secs(10)).await;
        call(1).await.unwrap_err();
    }
    call(2).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    call(1).await.unwrap_err();
    call(3).await.unwrap();
    assert!(accounts.contains(&1) && !accounts.contains(&2));
    // Its backoff has passed.
    sleep(Duration::from_secs(10)).await;
    call(2).await.unwrap();
    assert!(!accounts.contains(&1) && accounts.contains(&3));
}

#[tokio::test(start_paused = true)]
async fn idle_accounts_are_removed() {
    let world = World::default();
    let accounts = world
        .builder()
        .idle_timeout(Duration::from_secs(600))
        .build();
    for id in 0..500 {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
    sleep(Duration::from_secs(601)).await;
    for id in 500..5_000 {
        drop(accounts.get(&id).unwrap());
    }
    assert!((0..500).all(|id| !accounts.contains(&id)));
}

#[tokio::test(start_paused = true)]
async fn remembered_attempts_are_bounded_by_ten_times_the_capacity() {
    let world = World::default();
    let accounts = world.builder().capacity(1).build();
    for id in 0..10 {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
    let error = accounts.get(&10).unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Saturated);
    accounts.get(&9).unwrap().token().await.unwrap();
    assert_eq!(world.requests_of(10), 0);
}

#[tokio::test(start_paused = true)]
async fn unresolved_accounts_are_reset_and_rejected_ones_are_not() {
    let world = World::default();
    world.with(|state| {
        state.passwords.insert(1, "another");
    });
    let accounts = world.accounts();
    accounts.get(&1).unwrap().token().await.unwrap_err();
    accounts.reset_unresolved().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    accounts.get(&1).unwrap().token().await.unwrap_err();
    assert_eq!(world.requests_of(1), 1);
}

/// A store that is down for one account.
#[derive(Debug, Default)]
struct DownForOne {
    store: MemoryStore,
    account: Arc<Mutex<Option<AccountKey>>>,
}

impl Store for DownForOne {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        if *self.account.lock().unwrap() == Some(*account) {
            return Box::pin(ready(Err("planned".into())));
        }
        self.store.load(account)
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        self.store.compare_and_set(account, current, record)
    }
}

#[tokio::test(start_paused = true)]
async fn one_record_that_cannot_be_reset_hinders_no_other() {
    let world = World::default();
    world.with(|state| state.is_server_mute = true);
    let store = DownForOne::default();
    let down = Arc::clone(&store.account);
    let accounts = world.builder().store(store).build();
    let handles: Vec<_> = (0..20).map(|id| accounts.get(&id).unwrap()).collect();
    for handle in &handles {
        handle.token().await.unwrap_err();
        assert_eq!(handle.status().unresolved_attempts(), 1);
    }
    *down.lock().unwrap() = handles[7].account();
    let error = accounts.reset_unresolved().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    let closed = handles
        .iter()
        .filter(|it| it.status().unresolved_attempts() > 0);
    assert_eq!(closed.count(), 1);
}

#[test]
fn capacity_holds_for_threads_that_insert_at_once() {
    let accounts = World::default().builder().capacity(4).build();
    for round in 0..500 {
        let start = Barrier::new(8);
        let held = std::thread::scope(|scope| {
            let insert = |id: u32| {
                start.wait();
                accounts.get(&(8 * round + id)).ok()
            };
            let threads: Vec<_> = (0..8).map(|id| scope.spawn(move || insert(id))).collect();
            threads
                .into_iter()
                .filter_map(|it| it.join().unwrap())
                .count()
        });
        assert!(
            accounts.len() <= 4 && held >= 4,
            "{held} of {}",
            accounts.len()
        );
    }
}

/// Whatever else the process remembers.
#[tokio::test(start_paused = true)]
async fn remembered_accounts_of_others_are_not_counted() {
    let (world, process) = (World::default(), Process::new());
    let many = world.builder().process(process.clone()).build();
    for id in 0..50 {
        many.get(&id).unwrap().token().await.unwrap();
    }
    let few = world.builder().process(process).capacity(1).build();
    few.get(&100).unwrap().token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn place_is_free_while_rejected_credentials_are_read_again() {
    let world = World::default();
    world.with(|state| {
        state.passwords.insert(1, "another");
    });
    let (database, reads) = (world.clone(), Arc::new(AtomicU32::new(0)));
    let source = move |id| {
        let (database, nth) = (database.clone(), reads.fetch_add(1, Ordering::Relaxed));
        async move {
            if nth == 1 {
                pending::<()>().await;
            }
            database.read(id).await
        }
    };
    let accounts = Accounts::builder(world.server(), source)
        .clock(TokioClock::new())
        .process(Process::new())
        .max_token_requests(1)
        .build();
    let rejected = tokio::spawn(accounts.get(&1).unwrap().token());
    sleep(2 * RESPONSE).await;
    let before = Instant::now();
    accounts.get(&2).unwrap().token().await.unwrap();
    assert!(before.elapsed() < 2 * RESPONSE);
    rejected.await.unwrap().unwrap_err();
}

/// The source takes nearly as long as a fetch may; after it, all places are taken.
#[tokio::test(start_paused = true)]
async fn wait_for_a_place_after_a_slow_source_is_no_timeout() {
    let world = World::default();
    let database = world.clone();
    let source = move |id| {
        let database = database.clone();
        async move {
            let slow = if id == 1 { 8 } else { 0 };
            sleep(Duration::from_secs(slow) - Duration::from_millis(slow)).await;
            database.read(id).await
        }
    };
    let accounts = Accounts::builder(world.server(), source)
        .clock(TokioClock::new())
        .process(Process::new())
        .max_token_requests(1)
        .build();
    let slow = accounts.get(&1).unwrap();
    let first = tokio::spawn(slow.token());
    sleep(Duration::from_millis(7_900)).await;
    let others = (100..200).map(|id| accounts.get(&id).unwrap().token());
    let others = tokio::spawn(join_all(others));
    first.await.unwrap().unwrap();
    assert_eq!(slow.status().fetches(), 1, "it was not abandoned");
    others.await.unwrap();
}
