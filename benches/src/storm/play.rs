use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::issuer::Issuer;

/// How long a fetch takes.
pub const FETCH: Duration = Duration::from_millis(50);

/// How many ask a cold cache at once.
pub const CALLERS: u64 = 10_000;

/// How many where a cache makes one failing fetch after the other: 10,000 would take more than eight
/// minutes.
pub const CALLERS_IN_SERIES: u64 = 20;

/// How long a storm may take.
const LIMIT: Duration = Duration::from_secs(25);

/// For how long callers come again and again.
const WHILE: Duration = Duration::from_secs(1);

/// How long one of them waits before it comes again.
const PAUSE: Duration = Duration::from_millis(10);

/// Who asks has a token, sooner or later; or has none.
pub trait Cache: Clone + Send + Sync + 'static {
    /// As a report calls it.
    const NAME: &'static str;

    /// A cold cache whose tokens `issuer` issues.
    fn cold(issuer: &Issuer) -> Self;

    /// Whether there was a token.
    fn ask(&self) -> impl Future<Output = bool> + Send;
}

/// What came of a storm.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How often the issuer was asked.
    pub fetches: u64,
    /// How many calls got a token.
    pub served: u64,
    /// How many calls got an error, or gave up.
    pub failed: u64,
    /// From the first call to the last answer.
    pub took: Duration,
}

/// All at once, on a cold cache.
pub async fn cold<C: Cache>(callers: u64) -> Outcome {
    at_once::<C>(Issuer::granting(FETCH), callers).await
}

/// The same, and the fetch fails.
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

/// 1,000 callers of a server that fails, who try again every 10 ms for a second.
pub async fn retrying<C: Cache>() -> Outcome {
    let (issuer, start) = (Issuer::failing(FETCH), Instant::now());
    // Each waits for as long as it takes; who waits for its turn in the end is left there. With a time of
    // their own, all would give up at once, and the lock of a cache that has one go down the line.
    let calls = again_and_again::<C>(&issuer, 1_000, LIMIT);
    outcome(calls, &issuer, start, start, WHILE + FETCH + PAUSE).await
}

/// 100 callers with a timeout that is shorter than the fetch, who try again every 10 ms for a second.
/// Counted are the calls that come when the fetch can be done.
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

/// Of the calls that came at `from` or later.
async fn outcome(
    mut calls: Calls,
    issuer: &Issuer,
    start: Instant,
    from: Instant,
    limit: Duration,
) -> Outcome {
    let (mut served, mut failed) = (0, 0);
    // Whoever has no answer by then is not counted.
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
