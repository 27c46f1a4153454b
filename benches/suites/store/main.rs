//! What a store costs: a look at it, which is all that a cache needs where another has fetched, and an
//! attempt from its record to its token.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench store
//! ```
//!
//! Redis is measured where `redis-server` is installed; the file system is that of the temporary
//! directory.

mod redis;

use std::{
    io::{self, Write},
    time::Duration,
};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use enkash_auth_benches::issuer::Issuer;
use enkash_auth_core::{
    AnswerBody, Client, Clock, Credentials, Grant, RefreshPolicy, SystemClock, TokenAnswer, User,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{Begin, BoxError, FileStore, MemoryStore, Principal, TokenStore};
use http::{HeaderMap, StatusCode};
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
    bench(&mut group, &runtime, "memory", &MemoryStore::new())?;
    let directory = TempDir::new()?;
    bench(
        &mut group,
        &runtime,
        "file",
        &FileStore::open(directory.path())?,
    )?;
    match Redis::start(directory.path()) {
        Ok(redis) => bench(
            &mut group,
            &runtime,
            "redis",
            &RedisStore::new(&redis.url())?,
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
    store: &dyn TokenStore,
) -> Result<(), BoxError> {
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let grant = grant(&credentials)?;
    let endpoint = Issuer::granting(Duration::ZERO).endpoint();
    let who = endpoint.principal();
    // Once by itself: a store that does not work is no benchmark.
    runtime.block_on(attempt(store, who, &grant))?;
    group.bench_function(format!("{name}/look"), |bencher| {
        bencher.iter(|| runtime.block_on(store.load(who, SystemClock.now())).is_ok());
    });
    group.bench_function(format!("{name}/attempt"), |bencher| {
        bencher.iter(|| runtime.block_on(attempt(store, who, &grant)).is_ok());
    });
    Ok(())
}

async fn attempt(store: &dyn TokenStore, who: &Principal, grant: &Grant) -> Result<(), BoxError> {
    let now = SystemClock.now();
    let known = store
        .load(who, now)
        .await?
        .token
        .map(|token| token.edition());
    let bid = Bid::new(Holder::new(1, 1), &RefreshPolicy::default());
    let Begin::Granted(leave) = store.begin(who, bid, known, now).await? else {
        return Err("no leave to make an attempt".into());
    };
    let settled = store.finish(who, &leave, Settlement::Granted, Some(grant), now);
    settled.await.map(drop)
}

fn grant(credentials: &Credentials) -> Result<Grant, BoxError> {
    let body = r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","expires_in":3600}"#;
    let body = AnswerBody::Complete(body.into());
    let answer = TokenAnswer::new(StatusCode::OK, HeaderMap::new(), body);
    Ok(answer.read(SystemClock.now(), credentials)?)
}
