//! Many concurrent callers without a token: a cold cache, and one whose fetch fails.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench storm
//! ```
//!
//! The fetch takes 50 ms, in memory. Beside criterion's times it prints the numbers of served calls and
//! fetches.

use std::io::{self, Write};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use enkash_auth_benches::storm::{
    self, CALLERS, CALLERS_IN_SERIES, Cache, HandWritten, Ours, Outcome,
};
use tokio::runtime::Runtime;

fn main() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let cold = |callers| move || storm::cold::<Ours>(callers);
    let cold_by_hand = |callers| move || storm::cold::<HandWritten>(callers);
    let failing = |callers| move || storm::failing::<Ours>(callers);
    let failing_by_hand = |callers| move || storm::failing::<HandWritten>(callers);

    let mut group = criterion.benchmark_group("cold");
    run::<Ours, _>(&mut group, &runtime, CALLERS, cold(CALLERS))?;
    run::<HandWritten, _>(&mut group, &runtime, CALLERS, cold_by_hand(CALLERS))?;
    group.finish();

    let mut group = criterion.benchmark_group("failing");
    let few = CALLERS_IN_SERIES;
    run::<Ours, _>(&mut group, &runtime, CALLERS, failing(CALLERS))?;
    run::<Ours, _>(&mut group, &runtime, few, failing(few))?;
    run::<HandWritten, _>(&mut group, &runtime, few, failing_by_hand(few))?;
    group.finish();

    let mut group = criterion.benchmark_group("retrying");
    run::<Ours, _>(&mut group, &runtime, 1_000, storm::retrying::<Ours>)?;
    group.finish();

    let mut group = criterion.benchmark_group("impatient");
    run::<Ours, _>(&mut group, &runtime, 100, storm::impatient::<Ours>)?;
    run::<HandWritten, _>(&mut group, &runtime, 100, storm::impatient::<HandWritten>)?;
    group.finish();

    criterion.final_summary();
    Ok(())
}

fn run<C, F>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    callers: u64,
    storm: impl Fn() -> F,
) -> io::Result<()>
where
    C: Cache,
    F: Future<Output = Outcome>,
{
    let name = format!("{}/{callers}_callers", C::NAME);
    let mut last = None;
    group.bench_function(&name, |bencher| {
        bencher.iter(|| last = Some(runtime.block_on(storm())));
    });
    // `None` if the command line filters it out.
    match last {
        Some(Outcome {
            fetches,
            served,
            failed,
            ..
        }) => writeln!(
            io::stdout(),
            "{name}: {served} served, {failed} failed, fetches: {fetches}"
        ),
        None => Ok(()),
    }
}
