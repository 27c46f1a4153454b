//! Allocations of a call, beyond those of its request and its response.

use allocation_counter::measure;

use crate::{
    hot::{Runner, Way},
    time::calls,
};

/// The number of counted calls.
const CALLS: usize = 1_000;

/// Returns for each way how many more allocations its call makes than one of the first way.
///
/// Call it inside a runtime.
pub fn over_the_first(ways: &[Way]) -> Vec<f64> {
    let counts: Vec<f64> = ways.iter().map(per_call).collect();
    let first = counts.first().copied().unwrap_or_default();
    counts.into_iter().map(|count| count - first).collect()
}

/// Returns how many allocations a call makes, including those of its request and response. Call it inside
/// a runtime.
pub fn per_call(way: &Way) -> f64 {
    let mut run: Runner = (way.factory)()();
    // One-time allocations of a handle are not counted.
    run(calls(CALLS));
    let calls = calls(CALLS);
    measure(|| run(calls)).count_total as f64 / CALLS as f64
}
