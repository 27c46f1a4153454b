//! The latency of calls while the token is refreshed in the background.

use std::{
    io,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{EnkashAuth, EnkashAuthLayer, TokenCache};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service};

use crate::{
    hot::Bare,
    issuer::Issuer,
    request::request,
    time::{median, quantile, seconds},
};

/// The number of calls, timed one by one.
const CALLS: usize = 300_000;

/// Into the refresh window of a token that lives an hour.
const TO_THE_EARLY_WINDOW: Duration = Duration::from_secs(3600 - 120);

/// The interval of renewals, some hundred thousand times shorter than in production.
const PAUSE: Duration = Duration::from_millis(10);

/// The nanoseconds of each call, in order, and the number of renewals during the calls.
#[derive(Debug)]
pub struct Latencies {
    /// The latency of each call.
    pub nanos: Vec<f64>,
    /// Fetches of the token.
    pub renewals: u64,
}

/// Returns the ratio of the 99.9th percentile with renewals to that without: the median over `rounds`.
///
/// # Errors
///
/// If the runtime cannot be started.
pub fn p999_ratio(rounds: usize) -> io::Result<f64> {
    let ratios = (0..rounds).map(|_| {
        let [without, with] = [measure(false)?, measure(true)?];
        Ok(quantile(with.nanos, 0.999) / quantile(without.nanos, 0.999))
    });
    Ok(median(ratios.collect::<io::Result<_>>()?))
}

/// Times calls one by one, on one thread; fetches run on another. With `renewals`, the token enters its
/// refresh window about every ten milliseconds.
///
/// # Errors
///
/// If the runtime cannot be started.
pub fn measure(renewals: bool) -> io::Result<Latencies> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()?;
    let (issuer, clock) = (
        Issuer::granting(Duration::from_millis(1)),
        ManualClock::new(),
    );
    let tokens = TokenCache::builder(issuer.endpoint())
        .clock(clock.clone())
        .build();
    runtime
        .block_on(tokens.warm_up())
        .map_err(io::Error::other)?;
    let has_passed = AtomicBool::new(false);
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = None;
            while !has_passed.load(Ordering::Relaxed) {
                let generation = tokens.peek().map(|token| token.generation());
                // Not before the last renewal has completed: else the token would expire.
                if renewals && generation != last {
                    last = generation;
                    clock.advance(TO_THE_EARLY_WINDOW);
                }
                pause();
            }
        });
        let nanos = time_calls(&runtime, EnkashAuthLayer::new(tokens.clone()).layer(Bare));
        has_passed.store(true, Ordering::Relaxed);
        nanos
    });
    Ok(Latencies {
        nanos,
        renewals: issuer.fetches() - 1,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the real time"
)]
fn pause() {
    thread::sleep(PAUSE);
}

fn time_calls(runtime: &Runtime, mut service: EnkashAuth<Bare>) -> Vec<f64> {
    let _inside = runtime.enter();
    let nanos = (0..CALLS).map(|_| {
        let request = request();
        let call = || {
            let cx = &mut Context::from_waker(Waker::noop());
            let is_answered = matches!(pin!(service.call(request)).poll(cx), Poll::Ready(Ok(_)));
            assert!(
                is_answered,
                "a call behind which the token is renewed waits for nothing"
            );
        };
        seconds(call) * 1e9
    });
    nanos.collect()
}
