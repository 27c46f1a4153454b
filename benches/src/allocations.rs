//! Allocations of a call, beyond those of its request and its answer.

use allocation_counter::measure;

use crate::{
    hot::{Runner, Way},
    time::calls,
};

/// Over how many calls they are counted.
const CALLS: usize = 1_000;

/// For each way, how many allocations its call makes more than one of the first way.
///
/// To be called inside a runtime.
pub fn over_the_first(ways: &[Way]) -> Vec<f64> {
    let counts: Vec<f64> = ways.iter().map(per_call).collect();
    let first = counts.first().copied().unwrap_or_default();
    counts.into_iter().map(|count| count - first).collect()
}

/// How many allocations a call makes, its request's and its answer's among them. To be called inside a
/// runtime.
pub fn per_call(way: &Way) -> f64 {
    let mut run: Runner = (way.factory)()();
    // What a handle does once is not counted.
    run(calls(CALLS));
    let calls = calls(CALLS);
    measure(|| run(calls)).count_total as f64 / CALLS as f64
}
