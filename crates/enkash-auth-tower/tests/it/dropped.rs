//! Cancellation at every await: of a caller's future by dropping it, of a fetch by dropping its runtime.
//! The cache still works afterwards.

use std::{pin::Pin, time::Duration};

use enkash_auth_core::ManualClock;
use enkash_auth_sandbox::{Endpoint, Fault, SandboxService};
use enkash_auth_tower::{EnkashAuthLayer, ReplayPolicy, TokenCache};
use tokio::{
    runtime::Builder,
    time::{sleep, timeout},
};
use tokio_test::task;
use tower::{Layer, ServiceExt};

use crate::{
    store::flaky::{Flaky, Mood},
    support::{Kit, TokioClock, get, rules},
};

const FETCH: Duration = Duration::from_millis(50);

type Act = Pin<Box<dyn Future<Output = ()>>>;

/// A cache whose fetches and API calls take 50 ms each, and whose store takes 300 ms.
struct Scene {
    kit: Kit,
    tokens: TokenCache,
}

impl Scene {
    fn new() -> Self {
        let (kit, store) = (Kit::new(rules(300, 50)), Flaky::default());
        store.set(Mood::Slow);
        let slow = Fault::Delay { by: FETCH }.at(Endpoint::Api);
        kit.issuer.order(slow.lasting(Duration::from_secs(3600)));
        let tokens = TokenCache::builder(kit.endpoint("password"))
            .clock(TokioClock::new())
            .store(store)
            .build();
        Self { kit, tokens }
    }

    /// Returns a call of the API, which is replayed if its token is unauthorized.
    fn call(&self) -> Act {
        let layer = EnkashAuthLayer::new(self.tokens.clone()).replay(ReplayPolicy::default());
        let service = layer.layer(SandboxService::new(self.kit.issuer.clone()));
        Box::pin(async move {
            let request = get("http://localhost/api/v0/cards");
            assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
        })
    }

    fn requests(&self) -> u64 {
        self.kit.issuer.counters().token_requests
    }

    async fn works(&self) {
        let result = timeout(Duration::from_secs(5), self.call()).await;
        assert!(result.is_ok(), "no call hangs");
        assert_eq!(self.tokens.status().waiting(), 0);
    }
}

/// Drops the future of `act` at its first await, then on another scene at its second, and so on, until it
/// completes. Returns the number of awaits.
async fn dropped_at_each_await(
    prepare: impl AsyncFn(&Scene),
    act: impl Fn(&Scene) -> Act,
    further_requests: u64,
) -> usize {
    let mut at = 0;
    loop {
        at += 1;
        let scene = Scene::new();
        prepare(&scene).await;
        let before = scene.requests();
        let mut act = task::spawn(act(&scene));
        let mut awaits = 0;
        let has_passed = loop {
            if act.poll().is_ready() {
                break true;
            }
            awaits += 1;
            if awaits == at {
                break false;
            }
            while !act.is_woken() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        drop(act);
        assert_eq!(scene.tokens.status().waiting(), 0, "dropped at await {at}");
        scene.works().await;
        assert!(
            scene.requests() <= before + further_requests,
            "dropped at await {at}"
        );
        if has_passed {
            return awaits;
        }
    }
}

async fn nothing(_: &Scene) {}

async fn warm(scene: &Scene) {
    scene.tokens.warm_up().await.unwrap();
}

async fn unauthorized(scene: &Scene) {
    warm(scene).await;
    scene.kit.issuer.revoke_all();
}

#[tokio::test(start_paused = true)]
async fn token_future_may_be_dropped_at_every_await() {
    let token = |scene: &Scene| -> Act {
        let token = scene.tokens.token();
        Box::pin(async move { drop(token.await.unwrap()) })
    };
    assert_eq!(dropped_at_each_await(nothing, token, 1).await, 1);
    let tokens = |scene: &Scene| -> Act {
        let tokens = scene.tokens.clone();
        Box::pin(async move { tokens.warm_up().await.unwrap() })
    };
    assert_eq!(dropped_at_each_await(nothing, tokens, 1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn call_future_may_be_dropped_at_every_await() {
    // For the token; for the response, and for what the sandbox awaits besides.
    assert!(dropped_at_each_await(nothing, Scene::call, 1).await >= 2);
    assert!(dropped_at_each_await(warm, Scene::call, 0).await >= 1);
    // For the 401, another token, and the response.
    assert!(dropped_at_each_await(unauthorized, Scene::call, 1).await >= 3);
}

#[tokio::test(start_paused = true)]
async fn reset_future_may_be_dropped_at_every_await() {
    let reset = |scene: &Scene| -> Act {
        let tokens = scene.tokens.clone();
        Box::pin(async move { tokens.reset().await.unwrap() })
    };
    assert!(dropped_at_each_await(nothing, reset, 1).await >= 1);
    // Whether the reset happened or not, the cached token stays valid.
    assert!(dropped_at_each_await(warm, reset, 1).await >= 1);
}

/// A fetch awaits the store, the server and its backoff on its runtime, which is dropped after 10 ms,
/// 20 ms, and so on.
#[test]
fn runtime_of_fetch_may_be_dropped_at_every_step() {
    let mut turns = 0;
    loop {
        turns += 1;
        let (kit, store) = (Kit::new(rules(300, 50)), Flaky::default());
        store.set(Mood::Slow);
        let tokens = TokenCache::builder(kit.endpoint("password"))
            .clock(ManualClock::new())
            .store(store)
            .build();
        let runtime = || {
            Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
        };
        let dying = runtime().unwrap();
        let has_passed = dying.block_on(async {
            drop(task::spawn(tokens.token()).poll());
            for _ in 0..turns {
                sleep(Duration::from_millis(10)).await;
            }
            tokens.peek().is_some()
        });
        drop(dying);

        // What was sent may have been a strike; the lease of the dropped fetch is the cache's own.
        let served = runtime().unwrap().block_on(tokens.token());
        assert!(served.is_ok(), "after {turns} turns: {served:?}");
        assert!(
            kit.issuer.counters().token_requests <= 2,
            "after {turns} turns"
        );
        assert!(!kit.is_locked());
        if has_passed {
            break;
        }
    }
    assert!(
        turns > 60,
        "the store is asked twice on the way, and the server"
    );
}
