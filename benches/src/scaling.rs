//! Two threads that share one token.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tokio::runtime::Handle;

use crate::{
    hot::{Factory, Runner, Way},
    time::{self, calls, median},
};

/// Long enough for two threads to meet, some 50 µs.
pub const BATCH: usize = 512;

/// How many times the calls of one thread two threads make: the median over `rounds`.
///
/// To be called inside a runtime.
pub fn of_two_threads(way: &Way, rounds: usize) -> f64 {
    let factory = (way.factory)();
    let ratios = (0..rounds).map(|_| {
        let (one, two) = (seconds(&factory, 1), seconds(&factory, 2));
        2.0 * one / two
    });
    median(ratios.collect())
}

/// How long one of `threads` takes for its batch, on the average, while all are at theirs. To be called
/// inside a runtime.
pub fn seconds(factory: &Factory, threads: usize) -> f64 {
    let (handle, waiting) = (&Handle::current(), &AtomicUsize::new(threads));
    let seconds = thread::scope(|scope| {
        let timed: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let _inside = handle.enter();
                    let mut run = factory();
                    run(calls(1));
                    timed(&mut run, waiting)
                })
            })
            .collect();
        let seconds = timed
            .into_iter()
            .map(|thread| thread.join().unwrap_or(f64::NAN));
        seconds.sum::<f64>()
    });
    seconds / threads as f64
}

/// Begins when all do: a futex would wake one of them tens of microseconds late.
fn timed(run: &mut Runner, waiting: &AtomicUsize) -> f64 {
    let calls = calls(BATCH);
    waiting.fetch_sub(1, Ordering::AcqRel);
    while waiting.load(Ordering::Acquire) > 0 {
        spin_loop();
    }
    time::seconds(|| run(calls))
}
