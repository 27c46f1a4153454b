use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_tower::TokenCache;
use tokio::time::{Instant, sleep};

/// The tokens that the caches of a fleet returned, and when each was first returned.
#[derive(Clone, Default)]
pub(crate) struct Served(Arc<Mutex<HashMap<String, Instant>>>);

impl Served {
    /// Calls `tokens` every 20 ms until `end`; each call has to return a token. Returns the number of calls, and how
    /// long the slowest one took.
    pub(crate) async fn call(&self, tokens: TokenCache, end: Instant) -> (u32, Duration) {
        let (mut calls, mut slowest) = (0, Duration::ZERO);
        while Instant::now() < end {
            let called = Instant::now();
            let token = tokens.token().await.unwrap().expose().to_owned();
            slowest = slowest.max(called.elapsed());
            self.0
                .lock()
                .unwrap()
                .entry(token)
                .or_insert_with(Instant::now);
            calls += 1;
            sleep(Duration::from_millis(20)).await;
        }
        (calls, slowest)
    }

    /// Asserts that each of the token `requests` was for another expiry: its token was returned, and not soon after
    /// the one before.
    pub(crate) fn assert_one_for_each_expiry(&self, requests: u64, life: Duration) {
        let served = self.0.lock().unwrap();
        let mut times: Vec<Instant> = served.values().copied().collect();
        times.sort();
        let apart: Vec<Duration> = times
            .windows(2)
            .map(|two| *two.last().unwrap() - *two.first().unwrap())
            .collect();
        // A token is refreshed after half of its life, or a little more.
        assert!(apart.iter().all(|time| *time > life * 2 / 5), "{apart:?}");
        assert_eq!(requests, u64::try_from(times.len()).unwrap());
    }
}
