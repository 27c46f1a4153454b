//! Everybody asks at once and no token is there: what a cold cache costs, and one whose fetch fails.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench storm
//! ```
//!
//! The fetch takes 50 ms, in memory. Beside the times of criterion it prints how many callers were
//! served and how many fetches that took.

mod hand_written;
mod issuer;
mod ours;

use std::io::{self, Write};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use tokio::{runtime::Runtime, task::JoinSet};

use self::{
    hand_written::HandWritten,
    issuer::{Behaviour, Issuer},
    ours::Ours,
};

const CALLERS: u64 = 10_000;

/// The hand-written cache fetches for one caller after the other where fetches fail: 10,000 of them
/// would take more than eight minutes.
const CALLERS_IN_SERIES: u64 = 20;

/// A cache that many tasks ask.
trait Cache: Clone + Send + 'static {
    /// A cold cache whose tokens `issuer` issues.
    fn cold(issuer: &Issuer) -> Self;

    /// Whether there was a token.
    fn ask(self) -> impl Future<Output = bool> + Send;
}

fn main() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);

    let mut cold = criterion.benchmark_group("cold_cache");
    storm::<Ours>(&mut cold, &runtime, Behaviour::Grant, CALLERS)?;
    storm::<HandWritten>(&mut cold, &runtime, Behaviour::Grant, CALLERS)?;
    cold.finish();

    let mut failing = criterion.benchmark_group("failing_fetch");
    storm::<Ours>(&mut failing, &runtime, Behaviour::Fail, CALLERS)?;
    storm::<Ours>(&mut failing, &runtime, Behaviour::Fail, CALLERS_IN_SERIES)?;
    storm::<HandWritten>(&mut failing, &runtime, Behaviour::Fail, CALLERS_IN_SERIES)?;
    failing.finish();

    criterion.final_summary();
    Ok(())
}

fn storm<C>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    behaviour: Behaviour,
    callers: u64,
) -> io::Result<()>
where
    C: Cache,
{
    let cache = std::any::type_name::<C>().rsplit("::").next();
    let name = format!("{}/{callers}_callers", cache.unwrap_or_default());
    let mut last = None;
    group.bench_function(&name, |bencher| {
        bencher.iter(|| {
            let issuer = Issuer::new(behaviour);
            let served = runtime.block_on(ask_all(&C::cold(&issuer), callers));
            last = Some((served, issuer.fetches()));
        });
    });
    // Not run where the command line filters it out.
    let Some((served, fetches)) = last else {
        return Ok(());
    };
    writeln!(
        io::stdout(),
        "{name}: {served} served, {} failed, fetches: {fetches}",
        callers - served
    )
}

async fn ask_all<C>(cache: &C, callers: u64) -> u64
where
    C: Cache,
{
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        asking.spawn(cache.clone().ask());
    }
    let mut served = 0;
    while let Some(asked) = asking.join_next().await {
        served += u64::from(asked.unwrap_or(false));
    }
    served
}
