//! Programs that exit while a fetch is in flight. Ported from attacks on 0.1 (`hunt.rs` t1, t1b;
//! `hunt2.rs` u2, u3), on paused clocks.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{
    Error, FileStore, MemoryStore, Store, TokenCache, TokenEndpoint, TokenRequestBody,
    internal::Process,
};
use http::{Request, Response};
use tokio::time::{sleep, timeout};

use super::policy;
use crate::{
    support::{credentials, environment, grant, user},
    undriven::paused,
};

/// A server whose tokens live for `lifetime` seconds, and which responds after `delay`.
#[derive(Clone)]
struct Server {
    user: String,
    requests: Arc<AtomicU32>,
    lifetime: u64,
    delay: Duration,
}

impl Server {
    fn new(lifetime: u64, delay: u64) -> Self {
        Self {
            user: user(),
            requests: Arc::default(),
            lifetime,
            delay: Duration::from_millis(delay),
        }
    }

    fn endpoint(&self) -> TokenEndpoint {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<TokenRequestBody>| {
            let server = server.clone();
            async move {
                if request.method() == "HEAD" {
                    return Ok::<_, Infallible>(Response::new(String::new()));
                }
                let nth = server.requests.fetch_add(1, Ordering::Relaxed);
                sleep(server.delay).await;
                Ok(grant(&format!("token-{nth}"), server.lifetime))
            }
        });
        let credentials = credentials(&self.user, "password");
        TokenEndpoint::with_service(environment(), credentials, service).unwrap()
    }
}

/// Runs a program that makes one call and exits, every minute, in a process of its own.
fn every_minute(store: impl Fn() -> Arc<dyn Store>) -> Vec<(u32, Error)> {
    let (clock, server) = (ManualClock::new(), Server::new(3_600, 300));
    let mut failed = Vec::new();
    for minute in 0..100 {
        let runtime = paused();
        let done = runtime.block_on(async {
            let tokens = TokenCache::builder(server.endpoint())
                .clock(clock.clone())
                .policy(policy())
                .unwrap()
                .process(Process::new())
                .store(store())
                .build();
            tokens.token().await?;
            // The one call, which is faster than the grant.
            sleep(Duration::from_millis(100)).await;
            Ok(())
        });
        drop(runtime);
        if let Err(error) = done {
            failed.push((minute, error));
        }
        clock.advance(Duration::from_secs(60));
    }
    failed
}

#[test]
fn program_run_every_minute_with_file_store_never_fails() {
    let directory = tempfile::tempdir().unwrap();
    let failed = every_minute(|| Arc::new(FileStore::open(directory.path()).unwrap()));
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn program_run_every_minute_with_memory_store_never_fails() {
    let store = Arc::new(MemoryStore::new());
    let failed = every_minute(|| Arc::clone(&store) as _);
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A service that was killed twice in a fetch gets a token again within 15 min.
#[test]
fn two_kills_with_known_good_credentials_close_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (clock, server) = (ManualClock::new(), Server::new(300, 150));
    let start = |life: Option<Duration>| {
        let runtime = paused();
        let result = runtime.block_on(async {
            let tokens = TokenCache::builder(server.endpoint())
                .clock(clock.clone())
                .policy(policy())
                .unwrap()
                .process(Process::new())
                .store(FileStore::open(directory.path()).unwrap())
                .build();
            match life {
                None => tokens.token().await.map(drop),
                Some(life) => {
                    assert!(timeout(life, tokens.token()).await.is_err());
                    Ok(())
                }
            }
        });
        // Drops the fetch in flight.
        drop(runtime);
        result
    };
    start(None).unwrap();
    clock.advance(Duration::from_secs(400));
    for _ in 0..2 {
        start(Some(Duration::from_millis(60))).unwrap();
        clock.advance(Duration::from_secs(10));
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 3);
    let mut down = 0;
    while let Err(error) = start(None) {
        down += 10;
        clock.advance(Duration::from_secs(10));
        // Two attempts got no response: the next is made 15 min after the newest.
        assert!(down <= 15 * 60, "{error}");
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 4);
}

/// Serves each request of one cache on a runtime of its own, which ends with it.
fn runtime_per_request(store: impl Store) -> Vec<(u64, Error)> {
    let (clock, server) = (ManualClock::new(), Server::new(300, 60));
    let tokens = TokenCache::builder(server.endpoint())
        .clock(clock.clone())
        .policy(policy())
        .unwrap()
        .process(Process::new())
        .store(store)
        .build();
    let mut failed = Vec::new();
    for second in (0..900).step_by(3) {
        let runtime = paused();
        let result = runtime.block_on(async {
            let result = tokens.token().await;
            // The call itself.
            sleep(Duration::from_millis(20)).await;
            result
        });
        drop(runtime);
        if let Err(error) = result {
            failed.push((second, error));
        }
        clock.advance(Duration::from_secs(3));
    }
    failed
}

#[test]
fn runtime_per_request_with_memory_store_never_fails() {
    let failed = runtime_per_request(MemoryStore::new());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn runtime_per_request_with_file_store_never_fails() {
    let directory = tempfile::tempdir().unwrap();
    let failed = runtime_per_request(FileStore::open(directory.path()).unwrap());
    assert!(failed.is_empty(), "{failed:#?}");
}
