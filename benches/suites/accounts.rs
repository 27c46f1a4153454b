//! The token of one account of many, added to a request that selects it: ours, the bare service, and general maps of
//! ready headers. A batch of 32 requests of random accounts is one iteration; creating them is not timed.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench accounts
//! ```

use std::env;

use criterion::{BatchSize, Criterion, Throughput};
use enkash_auth_benches::{
    accounts::{calls, ways},
    time::BATCH,
};
use tokio::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let _inside = runtime.enter();
    let mut criterion = Criterion::default().configure_from_args();
    // Not when it is run once, unmeasured.
    let most = if env::args().any(|arg| arg == "--bench") {
        100_000
    } else {
        100
    };
    for accounts in [1, 1_000.min(most), most] {
        let mut group = criterion.benchmark_group(format!("accounts/{accounts}"));
        group.throughput(Throughput::Elements(BATCH as u64));
        for (name, factory) in ways(accounts) {
            let calls = || calls(accounts, BATCH);
            group.bench_function(name, |bencher| {
                bencher.iter_batched(calls, factory(), BatchSize::PerIteration);
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
