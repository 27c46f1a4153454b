//! The suite that every store passes, on those of this crate, and on some that do not pass it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use enkash_auth_tower::{
    MemoryStore,
    conformance::{Told, check},
};

#[tokio::test(start_paused = true)]
async fn memory_conforms() {
    check(&Told::new(Arc::new(MemoryStore::new())))
        .await
        .unwrap();
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_directory_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let store = enkash_auth_tower::FileStore::open(directory.path()).unwrap();
    check(&Told::new(Arc::new(store))).await.unwrap();
}
