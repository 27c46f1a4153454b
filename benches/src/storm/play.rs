use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::issuer::Issuer;

/// The duration of a fetch.
pub const FETCH: Duration = Duration::from_millis(50);

/// The number of concurrent callers of a cold cache.
pub const CALLERS: u64 = 10_000;

/// The number of callers if a cache makes one failing fetch after another: 10,000 would take more than
/// eight minutes.
pub const CALLERS_IN_SERIES: u64 = 20;

/// The timeout of a storm.
const LIMIT: Duration = Duration::from_secs(25);

/// How long callers keep retrying.
const WHILE: Duration = Duration::from_secs(1);

/// The interval of retries of a caller.
const PAUSE: Duration = Duration::from_millis(10);

/// A cache that returns a token, or none.
pub trait Cache: Clone + Send + Sync + 'static {
    /// The name in the report.
    const NAME: &'static str;

    /// Creates a cold cache with tokens of `issuer`.
    fn cold(issuer: &Issuer) -> Self;

    /// Requests a token; returns whether there was one.
    fn ask(&self) -> impl Future<Output = bool> + Send;
}

/// The outcome of a storm.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The number of requests to the issuer.
    pub fetches: u64,
    /// The number of calls that got a token.
    pub served: u64,
    /// The number of calls that failed or timed out.
    pub failed: u64,
    /// From the first call to the last outcome.
    pub took: Duration,
}

/// Plays concurrent calls on a cold cache.
pub async fn cold<C: Cache>(callers: u64) -> Outcome {
    at_once::<C>(Issuer::granting(FETCH), callers).await
}

/// Plays concurrent calls on a cold cache whose fetch fails.
pub async fn failing<C: Cache>(callers: u64) -> Outcome {
    at_once::<C>(Issuer::failing(FETCH), callers).await
}

async fn at_once<C: Cache>(issuer: Issuer, callers: u64) -> Outcome {
    let cache = C::cold(&issuer);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        let cache = cache.clone();
        calls.spawn(async move { vec![(start, cache.ask().await)] });
    }
    outcome(calls, &issuer, start, start, LIMIT).await
}

/// Plays 1,000 callers of a failing server, which retry every 10 ms for a second.
pub async fn retrying<C: Cache>() -> Outcome {
    let (issuer, start) = (Issuer::failing(FETCH), Instant::now());
    // Each call waits without a timeout; those still waiting at the end are abandoned. With timeouts, all
    // would end at once, and the lock of a cache would pass from waiter to waiter.
    let calls = again_and_again::<C>(&issuer, 1_000, LIMIT);
    outcome(calls, &issuer, start, start, WHILE + FETCH + PAUSE).await
}

/// Plays 100 callers with a timeout shorter than the fetch, which retry every 10 ms for a second. Counts
/// the calls made when the fetch can have completed.
pub async fn impatient<C: Cache>() -> Outcome {
    let (issuer, start) = (Issuer::granting(FETCH), Instant::now());
    let calls = again_and_again::<C>(&issuer, 100, Duration::from_millis(30));
    outcome(calls, &issuer, start, start + FETCH, LIMIT).await
}

type Calls = JoinSet<Vec<(Instant, bool)>>;

fn again_and_again<C: Cache>(issuer: &Issuer, callers: u64, patience: Duration) -> Calls {
    let (cache, end) = (C::cold(issuer), Instant::now() + WHILE);
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        let cache = cache.clone();
        calls.spawn(async move {
            let mut answers = Vec::new();
            while Instant::now() < end {
                let came = Instant::now();
                let answer = timeout(patience, cache.ask()).await;
                answers.push((came, answer.unwrap_or(false)));
                sleep(PAUSE).await;
            }
            answers
        });
    }
    calls
}

/// Returns the outcome of the calls made at `from` or later.
async fn outcome(
    mut calls: Calls,
    issuer: &Issuer,
    start: Instant,
    from: Instant,
    limit: Duration,
) -> Outcome {
    let (mut served, mut failed) = (0, 0);
    // Calls without an outcome by then are not counted.
    while let Ok(Some(answers)) = timeout_at(start + limit, calls.join_next()).await {
        for (came, is_served) in answers.unwrap_or_default() {
            if came >= from {
                *(if is_served { &mut served } else { &mut failed }) += 1;
            }
        }
    }
    Outcome {
        fetches: issuer.fetches(),
        served,
        failed,
        took: start.elapsed(),
    }
}
