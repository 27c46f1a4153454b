//! Calls with and without token renewals in the background: 300,000 per iteration. Beside criterion's
//! times it prints the percentiles of the calls.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench rotation
//! ```

use std::{
    io::{self, Write},
    time::Duration,
};

use criterion::Criterion;
use enkash_auth_benches::{
    rotation::{Latencies, measure},
    time::quantile,
};

#[expect(clippy::expect_used, reason = "a runtime of one thread needs nothing")]
fn main() -> io::Result<()> {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("rotation");
    for (name, renewals) in [("still", false), ("renewing", true)] {
        let mut last = None;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let all = (0..iterations).map(|_| {
                    let measured = measure(renewals).expect("a runtime");
                    let nanos: f64 = measured.nanos.iter().sum();
                    last = Some(measured);
                    nanos / 1e9
                });
                Duration::from_secs_f64(all.sum())
            });
        });
        if let Some(Latencies { nanos, renewals }) = last {
            let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| quantile(nanos.clone(), share));
            writeln!(
                io::stdout(),
                "{name}: {renewals} renewals; ns: 50 % {p50:.0}, 99 % {p99:.0}, 99.9 % {p999:.0}"
            )?;
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
