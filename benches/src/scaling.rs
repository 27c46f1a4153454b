//! Two threads that share one token.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use tokio::runtime::Handle;

use crate::{
    hot::{Factory, Runner, Way},
    request::Call,
    time::{calls, quantile},
};

/// Makes this number of requests.
pub type MakeCalls<'a> = dyn Fn(usize) -> Vec<Call> + Sync + 'a;

/// Long enough for two threads to meet, some 50 µs.
pub const BATCH: usize = 512;

/// Returns the ratio of the calls of two threads to those of one, by the fastest tenth of `rounds` of
/// each: other load makes a round slower, never faster. `None` if the machine is too busy to run two
/// threads at once.
///
/// Call it inside a runtime.
pub fn of_two_threads(way: &Way, rounds: usize) -> Option<f64> {
    of_factory(&(way.factory)(), &calls, rounds)
}

/// Returns the same for the requests that `calls` makes.
pub fn of_factory(factory: &Factory, calls: &MakeCalls<'_>, rounds: usize) -> Option<f64> {
    let seconds = |threads| seconds_of(factory, calls, threads);
    let tries = (0..rounds * 20).filter_map(|_| Some((seconds(1)?, seconds(2)?)));
    let (one, two): (Vec<f64>, Vec<f64>) = tries.take(rounds).unzip();
    (!two.is_empty()).then(|| 2.0 * quantile(one, 0.1) / quantile(two, 0.1))
}

/// Returns the average time of a thread's batch while all `threads` run theirs. `None` if the machine was
/// too busy to run them at once. Call it inside a runtime.
pub fn seconds(factory: &Factory, threads: usize) -> Option<f64> {
    seconds_of(factory, &calls, threads)
}

fn seconds_of(factory: &Factory, calls: &MakeCalls<'_>, threads: usize) -> Option<f64> {
    let (handle, waiting) = (&Handle::current(), &AtomicUsize::new(threads));
    let spans: Vec<Span> = thread::scope(|scope| {
        let timed: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let _inside = handle.enter();
                    let mut run = factory();
                    run(calls(2));
                    timed(&mut run, calls(BATCH), waiting)
                })
            })
            .collect();
        timed
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    let all: f64 = spans.iter().map(Span::seconds).sum();
    let together = Span {
        start: spans.iter().map(|span| span.start).max()?,
        end: spans.iter().map(|span| span.end).min()?,
    };
    let each = all / threads as f64;
    (together.seconds() > 0.8 * each).then_some(each)
}

struct Span {
    start: Instant,
    end: Instant,
}

impl Span {
    /// Zero if it ends before it starts.
    fn seconds(&self) -> f64 {
        self.end.saturating_duration_since(self.start).as_secs_f64()
    }
}

/// Spins until all threads have arrived: a futex would wake one tens of microseconds late.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the real time"
)]
fn timed(run: &mut Runner, calls: Vec<Call>, waiting: &AtomicUsize) -> Span {
    waiting.fetch_sub(1, Ordering::AcqRel);
    while waiting.load(Ordering::Acquire) > 0 {
        spin_loop();
    }
    let start = Instant::now();
    run(calls);
    Span {
        start,
        end: Instant::now(),
    }
}
