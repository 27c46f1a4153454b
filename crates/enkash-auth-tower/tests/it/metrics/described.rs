use std::sync::Mutex;

use enkash_auth_tower::describe_metrics;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

const README: &str = include_str!("../../../README.md");

/// Records name, kind and unit of each metric from `describe_metrics`.
#[derive(Default)]
struct Described(Mutex<Vec<[String; 3]>>);

impl Described {
    fn push(&self, name: &KeyName, kind: &str, unit: Option<Unit>) {
        let unit = unit.unwrap().as_str().to_owned();
        let row = [name.as_str().to_owned(), kind.to_owned(), unit];
        self.0.lock().unwrap().push(row);
    }
}

impl Recorder for Described {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.push(&name, "counter", unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.push(&name, "gauge", unit);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.push(&name, "histogram", unit);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn readme_table_lists_described_metrics() {
    let described = Described::default();
    metrics::with_local_recorder(&described, describe_metrics);
    let mut described = described.0.into_inner().unwrap();
    let rows = README
        .lines()
        .filter(|line| line.starts_with("| `enkash_auth_"));
    let mut listed: Vec<_> = rows
        .map(|row| {
            let mut cells = row
                .split('|')
                .skip(1)
                .map(|cell| cell.trim().trim_matches('`'));
            [0; 3].map(|_| cells.next().unwrap().to_owned())
        })
        .collect();
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
}
