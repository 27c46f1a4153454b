use allocation_counter::measure;
use tokio::{runtime::Builder, sync::oneshot, task::JoinSet};
use tower::Service;

use super::{CALLERS, Cache, FETCH, Ours};
use crate::{issuer::Issuer, request::request};

/// Returns the memory of a caller that waits for the token of a cold cache: the peak of the heap over that
/// of as many tasks with the same request that wait for a channel each.
///
/// Runs on one thread, because allocations are counted per thread.
pub fn bytes_per_waiter() -> f64 {
    let waiting = peak(async {
        let mut calls = JoinSet::new();
        let Ours(mut service) = Ours::cold(&Issuer::granting(FETCH));
        for _ in 0..CALLERS {
            calls.spawn(service.call(request()));
        }
        while calls.join_next().await.is_some() {}
    });
    let parked = peak(async {
        let mut parked = JoinSet::new();
        let mut senders = Vec::new();
        for _ in 0..CALLERS {
            let (sender, receiver) = oneshot::channel::<()>();
            let request = request();
            senders.push(sender);
            parked.spawn(async move {
                let woken = receiver.await;
                drop(request);
                woken
            });
        }
        tokio::task::yield_now().await;
        drop(senders);
        while parked.join_next().await.is_some() {}
    });
    (waiting as f64 - parked as f64) / CALLERS as f64
}

#[expect(clippy::expect_used, reason = "a runtime of one thread needs nothing")]
fn peak(future: impl Future<Output = ()>) -> u64 {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    measure(|| runtime.block_on(future)).bytes_max
}
