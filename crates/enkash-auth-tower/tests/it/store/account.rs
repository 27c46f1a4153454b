//! Many concurrent caches of one account.

use std::{sync::Arc, time::Duration};

use enkash_auth_tower::{ErrorKind, MemoryStore, Store, TokenCache, internal::Process};
use tokio::task::JoinSet;

use super::policy;
use crate::support::{Kit, TokioClock, rules};

/// Starts concurrent caches, each in a process of its own or all in one, and returns the number of requests.
async fn cold<S: Store + Clone>(password: &str, caches: usize, store: &S, is_one: bool) -> u64 {
    let kit = Kit::new(rules(300, 300));
    let (clock, process) = (TokioClock::new(), Process::new());
    let mut starting = JoinSet::new();
    for _ in 0..caches {
        let process = if is_one {
            process.clone()
        } else {
            Process::new()
        };
        let tokens = TokenCache::builder(kit.endpoint(password))
            .clock(clock)
            .policy(policy())
            .unwrap()
            .process(process)
            .store(store.clone())
            .build();
        starting.spawn(async move { tokens.token().await });
    }
    for result in starting.join_all().await {
        match result {
            Ok(_) => assert_eq!(password, "password"),
            Err(error) => {
                assert_eq!(password, "wrong", "{error:?}");
                assert_eq!(error.kind(), ErrorKind::Rejected, "{error:?}");
            }
        }
    }
    kit.issuer.counters().token_requests
}

#[cfg(all(unix, feature = "file"))]
#[tokio::test(start_paused = true)]
async fn cold_caches_on_one_directory_share_one_request() {
    use enkash_auth_tower::FileStore;

    for nth in 0..25 {
        for is_one_process in [false, true] {
            let passwords = ["password", "wrong"];
            for password in passwords.iter().take(1 + usize::from(nth % 5 == 0)) {
                let directory = tempfile::tempdir().unwrap();
                let store = FileStore::open(directory.path()).unwrap();
                let requests = cold(password, 20, &store, is_one_process).await;
                assert_eq!(requests, 1, "{nth} {is_one_process} {password}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cold_caches_on_one_memory_store_share_one_request() {
    for is_one_process in [false, true] {
        for password in ["password", "wrong"] {
            let store = Arc::new(MemoryStore::new());
            let requests = cold(password, 200, &store, is_one_process).await;
            assert_eq!(requests, 1, "{is_one_process} {password}");
        }
    }
}

/// The default store shares no token, but serializes the attempts.
#[tokio::test(start_paused = true)]
async fn cold_caches_without_a_store_make_one_attempt_at_a_time() {
    let kit = Kit::new(rules(300, 100));
    let mut starting = JoinSet::new();
    for _ in 0..20 {
        let tokens = TokenCache::builder(kit.endpoint("wrong"))
            .clock(TokioClock::new())
            .build();
        starting.spawn(async move { tokens.token().await });
    }
    for result in starting.join_all().await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

/// A store can be passed by value or behind an `Arc`, also of a trait object, and be shared.
#[tokio::test(start_paused = true)]
async fn store_is_accepted_by_value_or_behind_arc() {
    let kit = Kit::new(rules(300, 10));
    let store = Arc::new(MemoryStore::new());
    let shared: Arc<dyn Store> = Arc::<MemoryStore>::clone(&store);
    let builder = || TokenCache::builder(kit.endpoint("password")).clock(TokioClock::new());
    let one = builder().store(store).build();
    let token = one.token().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let two = builder().store(shared).build();
    assert_eq!(two.token().await.unwrap().expose(), token.expose());
    assert_eq!(kit.issuer.counters().token_requests, 1);
    let own = builder().store(MemoryStore::new()).build();
    assert_ne!(own.token().await.unwrap().expose(), token.expose());
}
