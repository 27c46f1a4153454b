//! Metrics recorded through the facade `metrics`.

mod described;
mod recorded;

use metrics::LocalRecorderGuard;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Returns a line per metric of this thread's recorder: counters since the last snapshot, and histograms by
/// their number of values.
pub(crate) fn lines(snapshotter: &Snapshotter, account: &str) -> Vec<String> {
    let recorded = snapshotter.snapshot().into_vec();
    let mut lines: Vec<_> = recorded
        .into_iter()
        .map(|(key, _, _, value)| {
            let (_, key) = key.into_parts();
            let labels: Vec<_> = key
                .labels()
                .map(|label| match label.key() {
                    "account" => assert_account(label.value(), account),
                    key => format!("{key}={}", label.value()),
                })
                .collect();
            let name = key.name().trim_start_matches("enkash_auth_");
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            format!("{name} {} {value}", labels.join(" "))
        })
        .collect();
    lines.sort();
    lines
}

fn assert_account(value: &str, account: &str) -> String {
    assert_eq!(value, account);
    "account".to_owned()
}

/// Installs a recorder for this thread, on which a paused test runs all of its tasks.
pub(crate) fn recorder() -> (LocalRecorderGuard<'static>, Snapshotter) {
    let recorder = Box::leak(Box::new(DebuggingRecorder::new()));
    let snapshotter = recorder.snapshotter();
    (metrics::set_default_local_recorder(recorder), snapshotter)
}
