//! Decisions of the pure state machine.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench state
//! ```

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput};
use enkash_auth_benches::request::token;
use enkash_auth_core::{
    Bearer, Failure, FailureKind, Policy, Timestamp,
    lifetime::{Exchange, Expiry},
    state::{FetchOutcome, State},
};

const NOON: Timestamp = Timestamp::new(0, 1_767_268_800_000_000_000);

#[expect(clippy::expect_used, reason = "constants, known to be good")]
fn main() {
    let policy = Policy::default();
    let bearer = Bearer::new(&token(0)).expect("a token of digits");
    let lifetime = Exchange::new(NOON, None).lifetime(&[Expiry::In(Duration::from_secs(3600))]);
    let granted = FetchOutcome::Granted(bearer, lifetime);
    let failed = FetchOutcome::Failed(Failure::new(FailureKind::Unavailable, "status 503"));
    let land = |state: &mut State, outcome: &FetchOutcome| {
        if let Some(pending) = state.lookup(NOON, Ok(()), &policy).spawn {
            state.complete(pending.number(), outcome.clone(), NOON, 0.5, &policy);
        }
    };

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("state");
    group.throughput(Throughput::Elements(1));
    for (name, outcome) in [
        ("serve", Some(&granted)),
        ("fail", Some(&failed)),
        ("wait", None),
    ] {
        let mut state = State::new();
        match outcome {
            Some(outcome) => land(&mut state, outcome),
            None => drop(state.lookup(NOON, Ok(()), &policy)),
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&mut state).lookup(NOON, Ok(()), &policy));
        });
    }
    // Two decisions: a lookup, and the completion of the fetch.
    group.throughput(Throughput::Elements(2));
    for (name, outcome) in [("fetch", &granted), ("failed_fetch", &failed)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| land(black_box(&mut State::new()), outcome));
        });
    }
    group.finish();
    criterion.final_summary();
}
