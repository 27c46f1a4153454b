//! Wall time, measured robustly against other load.

use std::time::Instant;

use crate::{
    hot::{Runner, Way},
    request::{Call, request},
    scaling::MakeCalls,
};

/// The number of calls timed together: the two clock readings then cost 1 ns per call, and the requests
/// fit into the first-level cache, like one that was just created.
pub const BATCH: usize = 32;

/// Returns for each way how many more nanoseconds its call takes than one of the first way: medians over
/// `rounds`, each with every way.
///
/// Call it inside a runtime.
pub fn over_the_first(ways: &[Way], rounds: usize) -> Vec<f64> {
    let runners = ways.iter().map(|way| (way.factory)()()).collect();
    runners_over_the_first(runners, &calls, rounds)
}

/// Returns the same for `runners` and the requests that `calls` makes.
pub fn runners_over_the_first(
    mut runners: Vec<Runner>,
    calls: &MakeCalls<'_>,
    rounds: usize,
) -> Vec<f64> {
    let mut differences = vec![Vec::with_capacity(rounds); runners.len()];
    // The first round is not measured.
    for round in 0..=rounds {
        let nanos = runners.iter_mut().map(|run| per_call(run, calls(BATCH)));
        let nanos: Vec<f64> = nanos.collect();
        let first = nanos.first().copied().unwrap_or_default();
        if round > 0 {
            for (differences, nanos) in differences.iter_mut().zip(nanos) {
                differences.push(nanos - first);
            }
        }
    }
    differences.into_iter().map(median).collect()
}

fn per_call(run: &mut Runner, calls: Vec<Call>) -> f64 {
    seconds(|| run(calls)) * 1e9 / BATCH as f64
}

/// Returns the duration of `work`.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the real time"
)]
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Returns this number of requests.
pub fn calls(number: usize) -> Vec<Call> {
    (0..number).map(|_| request()).collect()
}

/// Returns the median; zero for no values.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value that this share of `values` does not exceed; zero for no values.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_one_of_the_values() {
        let values: Vec<f64> = (0..=1000).map(f64::from).collect();
        assert_eq!(median(values.clone()), 500.0);
        assert_eq!(quantile(values.clone(), 0.999), 999.0);
        assert_eq!(quantile(values, 1.0), 1000.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
