//! Programs and runtimes that end soon: a background refresh would end with them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{Error, ManualClock};
use enkash_auth_tower::{FileStore, MemoryStore, Store, TokenCache, TokenEndpoint};
use tokio::time::sleep;

use crate::{
    support::{credentials, endpoint, environment, grant, user},
    undriven::runtime,
};

/// A program that makes one call and ends, over a store that outlives it.
fn every_minute(store: impl Fn() -> Arc<dyn Store>) -> Vec<(u64, String)> {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let user = user();
    let run = || -> Result<(), Error> {
        let runtime = runtime();
        let done = runtime.block_on(async {
            let asked = Arc::clone(&asked);
            let server = tower::service_fn(
                move |_: http::Request<http_body_util::Full<bytes::Bytes>>| {
                    let nth = asked.fetch_add(1, Ordering::Relaxed);
                    async move {
                        // A password grant over a new connection.
                        sleep(Duration::from_millis(300)).await;
                        Ok::<_, std::convert::Infallible>(grant(&format!("token-{nth}"), 3_600))
                    }
                },
            );
            let endpoint =
                TokenEndpoint::with_service(environment(), credentials(&user, "password"), server)
                    .unwrap();
            let tokens = TokenCache::builder(endpoint)
                .clock(clock.clone())
                .store(store())
                .build();
            tokens.token().await?;
            // The one call, which is quicker than the grant.
            sleep(Duration::from_millis(100)).await;
            Ok(())
        });
        // The program ends.
        drop(runtime);
        done
    };
    let mut failed = Vec::new();
    for minute in 0..100 {
        if let Err(error) = run() {
            failed.push((minute, error.to_string()));
        }
        clock.advance(Duration::from_secs(60));
    }
    failed
}

#[test]
fn program_that_runs_every_minute_never_fails() {
    let directory = tempfile::tempdir().unwrap();
    let failed = every_minute(|| Arc::new(FileStore::open(directory.path()).unwrap()));
    assert!(
        failed.is_empty(),
        "{} of 100 runs failed: {failed:#?}",
        failed.len()
    );
}

#[test]
fn runtime_for_each_request_fails_none() {
    let directory = tempfile::tempdir().unwrap();
    for (name, store) in [
        ("memory", Arc::new(MemoryStore::new()) as Arc<dyn Store>),
        ("file", Arc::new(FileStore::open(directory.path()).unwrap())),
    ] {
        let clock = ManualClock::new();
        let asked = Arc::new(AtomicU32::new(0));
        let tokens = TokenCache::builder(endpoint({
            let asked = Arc::clone(&asked);
            move |_| {
                let nth = asked.fetch_add(1, Ordering::Relaxed);
                async move {
                    sleep(Duration::from_millis(60)).await;
                    grant(&format!("token-{nth}"), 300)
                }
            }
        }))
        .clock(clock.clone())
        .store(store)
        .build();
        let mut failed = Vec::new();
        for second in (0..900).step_by(3) {
            let runtime = runtime();
            let got = runtime.block_on(async {
                let got = tokens.token().await;
                // The call itself.
                sleep(Duration::from_millis(20)).await;
                got
            });
            drop(runtime);
            if let Err(error) = got {
                failed.push((second, error.to_string()));
            }
            clock.advance(Duration::from_secs(3));
        }
        assert!(failed.is_empty(), "{name}: {failed:?}");
    }
}

#[test]
fn background_fetch_aborted_after_the_deadline_fails_no_call() {
    let clock = ManualClock::new();
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = TokenCache::builder(endpoint({
        let asked = Arc::clone(&asked);
        move |_| {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            async move {
                if nth == 1 {
                    std::future::pending::<()>().await;
                }
                grant(&format!("token-{nth}"), 300)
            }
        }
    }))
    .clock(clock.clone())
    .build();
    runtime().block_on(tokens.token()).unwrap();
    clock.advance(Duration::from_secs(290));
    let first = runtime();
    first.block_on(async {
        tokens.token().await.unwrap();
        tokio::task::yield_now().await;
    });
    clock.advance(Duration::from_secs(5));
    // The first abort of all, in the flight of a token that is over by now.
    drop(first);
    let got = runtime().block_on(tokens.token());
    assert!(got.is_ok(), "{got:?}");
}
