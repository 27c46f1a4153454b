//! Many calls of one store at once.

use std::{convert::Infallible, fs, time::Duration};

use enkash_auth_core::{AccountKey, Credentials, account::AttemptId};
use enkash_auth_tower::{
    FileStore, STORE_TIMEOUT, Store, TokenCache, TokenEndpoint, TokenRequestBody, internal::Queue,
};
use http::Request;
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::support::{credentials, environment, grant, user};

/// The most threads of a store on one runtime.
const THREADS: usize = 16;

/// Returns a runtime whose threads bear its name, and stay until it is dropped.
fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_current_thread();
    let long = Duration::from_secs(600);
    builder.thread_name(name).thread_keep_alive(long);
    builder.enable_all().build().unwrap()
}

/// Returns the number of threads of this process with that name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter(|task| {
            let comm = task.as_ref().unwrap().path().join("comm");
            fs::read_to_string(comm).is_ok_and(|comm| comm.trim() == name)
        })
        .count()
}

fn account(number: usize) -> AccountKey {
    let base = "http://localhost".parse().unwrap();
    Credentials::merchant(number.to_string(), "secret").account(&base)
}

#[test]
fn burst_of_cold_accounts_uses_16_threads() {
    // In memory: a disk may be slow.
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    let issuer = tower::service_fn(|_: Request<TokenRequestBody>| async {
        Ok::<_, Infallible>(grant("one", 300))
    });
    let runtime = runtime("burst");
    runtime.block_on(async {
        let mut fetching = JoinSet::new();
        for _ in 0..1_000 {
            let credentials = credentials(&user(), "password");
            let endpoint = TokenEndpoint::with_service(environment(), credentials, issuer);
            let tokens = TokenCache::builder(endpoint.unwrap()).store(store.clone());
            let tokens = tokens.build();
            fetching.spawn(async move {
                // A slow machine needs longer than a caller waits.
                while tokens.token().await.is_err() {
                    sleep(STORE_TIMEOUT).await;
                }
            });
        }
        fetching.join_all().await;
    });
    let threads = threads("burst");
    assert!((1..=THREADS).contains(&threads), "{threads}");
}

/// Each guard keeps a file open, of which a process may have some thousand.
#[tokio::test(start_paused = true)]
async fn attempts_beyond_256_are_made_without_guard() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    let hold = async |number: usize| {
        let id = AttemptId::new((number as u128).to_le_bytes());
        store.hold(&account(number), id).await.unwrap()
    };
    let mut guards = Vec::new();
    for number in 0..300 {
        guards.extend(hold(number).await);
    }
    assert_eq!(guards.len(), 256);
    guards.pop();
    assert!(hold(300).await.is_some());
}

/// Its calls keep their place in the queue, since they are neither polled nor dropped.
#[test]
fn calls_on_undriven_runtime_block_no_other_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    let undriven = runtime("undriven");
    undriven.block_on(async {
        for number in 0..4 * THREADS {
            let (store, account) = (store.clone(), account(number));
            tokio::spawn(async move { store.load(&account).await.map(drop) });
        }
        yield_now().await;
    });
    for driven in [runtime("driven"), runtime("later")] {
        driven.block_on(async {
            let account = account(0);
            let loading = timeout(Duration::from_secs(10), store.load(&account));
            loading.await.unwrap().unwrap();
        });
    }
    drop(undriven);
    runtime("last").block_on(async { store.load(&account(0)).await.unwrap() });
}

#[tokio::test(start_paused = true)]
async fn queue_waits_while_store_responds_to_others() {
    let queue = Queue::<()>::new(1, STORE_TIMEOUT);
    let slot = queue.enter().await.unwrap();
    let others = async {
        for _ in 0..10 {
            sleep(STORE_TIMEOUT.mul_f64(0.9)).await;
            slot.responded();
        }
        sleep(STORE_TIMEOUT * 10).await;
    };
    let start = Instant::now();
    tokio::select! {
        () = others => unreachable!("it ends before"),
        entered = queue.enter() => drop(entered.unwrap_err()),
    }
    // 2 s after the last response.
    assert!(start.elapsed() >= STORE_TIMEOUT * 12, "it waited");
    assert!(start.elapsed() <= STORE_TIMEOUT * 14, "and no longer");
    drop(slot);
    queue.enter().await.unwrap();
}
