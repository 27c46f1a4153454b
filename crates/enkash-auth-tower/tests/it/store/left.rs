//! A cache that is dropped while it owes its directory the end of an attempt.

use std::{fs::File, sync::Arc, time::Duration};

use enkash_auth_core::ErrorKind;
use enkash_auth_tower::{FileStore, TokenCache};
use nix::fcntl::{Flock, FlockArg};
use tokio::time::sleep;

use super::refused::Server;
use crate::support::TokioClock;

#[tokio::test(start_paused = true)]
async fn a_refusal_that_could_not_be_written_is_when_the_cache_is_dropped() {
    let (directory, server) = (tempfile::tempdir().unwrap(), Server::default());
    let endpoint = server.endpoint();
    let clock = TokioClock::new();
    let start = || {
        let store = FileStore::open(directory.path()).unwrap();
        TokenCache::builder(endpoint.clone())
            .clock(clock)
            .store(Arc::new(store))
            .build()
    };
    let tokens = start();
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let refused = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    // Somebody holds the lock for longer than a call may take.
    let lock = format!("{:x}.lock", endpoint.account());
    let lock = File::options()
        .write(true)
        .open(directory.path().join(lock));
    let lock = Flock::lock(lock.unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
    let error = refused.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    drop(lock);
    drop(tokens);
    let next = start();
    let error = next.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(next.status().token_requests(), 0);
}
