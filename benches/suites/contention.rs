//! Calls on one thread, and on two that share the token: the time of a thread's 512 calls. If both are
//! equal, two threads make twice the calls of one.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench contention
//! ```

use std::{iter, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use enkash_auth_benches::{
    hot::WAYS,
    scaling::{BATCH, seconds},
};
use tokio::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let _inside = runtime.enter();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("contention");
    group.throughput(Throughput::Elements(BATCH as u64));
    for way in WAYS {
        let factory = (way.factory)();
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(way.name, threads), |bencher| {
                bencher.iter_custom(|iterations| {
                    let at_once = || iter::repeat_with(|| seconds(&factory, threads)).flatten();
                    let all = (0..iterations).zip(at_once());
                    Duration::from_secs_f64(all.map(|(_, seconds)| seconds).sum())
                });
            });
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
