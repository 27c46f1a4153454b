//! A cached token: time, allocations, and the cost of a second thread.

use enkash_auth_benches::{
    allocations,
    hot::{INSERT, WAYS, Way},
    scaling, time,
};

use crate::report::Report;

/// Rounds, each with every way.
const ROUNDS: usize = 2_001;

/// Rounds with one thread and with two, for each way.
const ROUNDS_OF_TWO: usize = 101;

/// Returns the bare service, the insertion of a ready header, ours, and the hand-written way.
pub(crate) fn base() -> Vec<Way> {
    let names = [
        ("bare", "bare"),
        ("insert", "insert"),
        ("kept", "enkash-auth"),
        ("hand_written", "hand-written"),
    ];
    let way = |(from, name)| {
        let way = WAYS.into_iter().find(|way| way.name == from)?;
        Some(Way { name, ..way })
    };
    names.into_iter().filter_map(way).collect()
}

/// Reports the cost of all `ways` over the first, which is the bare service; ratios are relative to the
/// second. Call it inside a runtime.
pub(crate) fn report(ways: &[Way], report: &mut Report) {
    let nanos = time::over_the_first(ways, ROUNDS);
    let insert = nanos.get(INSERT).copied().unwrap_or(f64::NAN);
    for (way, nanos) in ways.iter().zip(nanos).skip(1) {
        report.line(way.name, "nanos", format_args!("{nanos:.1}"));
        report.line(way.name, "ratio", format_args!("{:.2}", nanos / insert));
        let allocations = allocations::per_call(way);
        report.line(way.name, "allocations", format_args!("{allocations:.1}"));
        if let Some(scaling) = scaling::of_two_threads(way, ROUNDS_OF_TWO) {
            report.line(way.name, "scaling", format_args!("{scaling:.2}"));
        }
    }
}
