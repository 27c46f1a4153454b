//! The cost of a store: a load, which is all that a cache needs if another process has fetched, and an
//! attempt: two loads and two writes.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench store
//! ```
//!
//! Redis is measured if `redis-server` is installed; the file system is that of the temporary directory.

mod redis;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use enkash_auth_benches::issuer::Issuer;
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{AccountKey, BoxError, FileStore, MemoryStore, Store, TokenCache};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use self::redis::Redis;

fn main() -> Result<(), BoxError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    let mut group = criterion.benchmark_group("store");
    bench(&mut group, &runtime, "memory", MemoryStore::new())?;
    let directory = TempDir::new()?;
    bench(
        &mut group,
        &runtime,
        "file",
        FileStore::open(directory.path())?,
    )?;
    match Redis::start(directory.path()) {
        Ok(redis) => bench(
            &mut group,
            &runtime,
            "redis",
            RedisStore::new(&redis.url())?,
        )?,
        Err(error) => writeln!(io::stderr(), "redis is not measured: redis-server: {error}")?,
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    store: impl Store,
) -> Result<(), BoxError> {
    let store: Arc<dyn Store> = Arc::new(store);
    let endpoint = Issuer::granting(Duration::ZERO).endpoint();
    let account = endpoint.account();
    let tokens = TokenCache::builder(endpoint).store(Arc::clone(&store));
    let tokens = tokens.build();
    // The record after a fetch. Fails if the store does not work.
    runtime.block_on(tokens.warm_up())?;
    runtime.block_on(attempt(&*store, &account))?;
    group.bench_function(format!("{name}/look"), |bencher| {
        bencher.iter(|| runtime.block_on(store.load(&account)).is_ok());
    });
    group.bench_function(format!("{name}/attempt"), |bencher| {
        bencher.iter(|| runtime.block_on(attempt(&*store, &account)).is_ok());
    });
    Ok(())
}

/// Makes the store calls of one attempt: its start is written, and then its outcome.
async fn attempt(store: &dyn Store, account: &AccountKey) -> Result<(), BoxError> {
    for _ in 0..2 {
        let loaded = store.load(account).await?;
        let record = loaded.record().ok_or("no record")?;
        // Different bytes of the same length.
        let mut next = record.to_vec();
        next.rotate_left(1);
        if !store.compare_and_set(account, Some(record), &next).await? {
            return Err("another write came between".into());
        }
    }
    Ok(())
}
