//! A cached token, added to a request with three headers: ours, the minimum cost, and the hand-written
//! way. A batch of 32 requests is one iteration; creating them is not timed.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench hot_path
//! ```

use criterion::{BatchSize, Criterion, Throughput};
use enkash_auth_benches::{
    hot::WAYS,
    time::{BATCH, calls},
};
use tokio::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let _inside = runtime.enter();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("hot_path");
    group.throughput(Throughput::Elements(BATCH as u64));
    for way in WAYS {
        let mut run = (way.factory)()();
        group.bench_function(way.name, |bencher| {
            bencher.iter_batched(|| calls(BATCH), &mut run, BatchSize::PerIteration);
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
