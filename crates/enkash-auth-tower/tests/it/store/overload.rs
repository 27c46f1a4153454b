//! More fetches at once than the store has time for.

use std::{convert::Infallible, sync::Arc, time::Duration};

use enkash_auth_core::AccountKey;
use enkash_auth_tower::{
    BoxError, Loaded, MemoryStore, Store, StoreFuture, TokenCache, TokenEndpoint, TokenRequestBody,
    internal::{Process, Queue},
};
use http::Request;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::support::{TokioClock, credentials, environment, grant};

/// A store that takes 40 ms for a call, and makes four at a time.
#[derive(Debug)]
struct Narrow(MemoryStore, Queue);

impl Narrow {
    async fn pass<T>(&self, call: StoreFuture<'_, T>) -> Result<T, BoxError> {
        let slot = self.1.enter().await?;
        sleep(Duration::from_millis(40)).await;
        slot.responded();
        call.await
    }
}

impl Store for Narrow {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(async { self.pass(self.0.load(account)).await })
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.pass(self.0.compare_and_set(account, current, record))
                .await
        })
    }
}

/// In the order of their calls, none of these fetches would end before its deadline.
#[tokio::test(start_paused = true)]
async fn burst_that_takes_longer_than_a_fetch_is_served() {
    let queue = Queue::new(4, Duration::from_millis(500));
    let store = Arc::new(Narrow(MemoryStore::new(), queue));
    let (clock, process) = (TokioClock::new(), Process::new());
    let mut fetching = JoinSet::new();
    let start = Instant::now();
    for number in 0..1_000 {
        let issuer = tower::service_fn(|_: Request<TokenRequestBody>| async {
            Ok::<_, Infallible>(grant("token", 300))
        });
        let credentials = credentials(&number.to_string(), "password");
        let endpoint = TokenEndpoint::with_service(environment(), credentials, issuer).unwrap();
        let builder = TokenCache::builder(endpoint).clock(clock);
        let builder = builder.process(process.clone());
        let tokens = builder.store(Arc::clone(&store)).build();
        fetching.spawn(async move {
            while let Err(error) = tokens.token().await {
                sleep(error.retry_after().unwrap()).await;
            }
        });
    }
    fetching.join_all().await;
    // A thousand times four calls take 40 s.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(120), "{took:?}");
}
