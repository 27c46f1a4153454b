//! The layer combined with those of `tower`, above and below it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ResponseBody};
use http::{Request, Response};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{
    Service, ServiceBuilder, ServiceExt, load_shed::error::Overloaded, service_fn,
    timeout::error::Elapsed, util::BoxCloneSyncService,
};

use crate::support::{Kit, Recorder, YOUNG, call, get, rules};

/// Returns an API that responds after `millis`.
fn slow(
    millis: u64,
) -> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync {
    service_fn(move |_: Request<String>| async move {
        sleep(Duration::from_millis(millis)).await;
        Ok(Response::default())
    })
}

#[tokio::test(start_paused = true)]
async fn timeout_above_includes_wait_for_token_and_spares_fetch() {
    let kit = Kit::new(rules(300, 500));
    let mut client = ServiceBuilder::new()
        .timeout(Duration::from_millis(100))
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(Recorder::default());
    assert!(call(&mut client).await.unwrap_err().is::<Elapsed>());
    sleep(Duration::from_millis(500)).await;
    assert_eq!(call(&mut client).await.unwrap(), 200);
    assert_eq!(kit.issuer.counters().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn timeout_below_excludes_wait_for_token() {
    let kit = Kit::new(rules(300, 500));
    let client = |millis| {
        ServiceBuilder::new()
            .layer(EnkashAuthLayer::new(kit.tokens.clone()))
            .timeout(Duration::from_millis(100))
            .service(slow(millis))
    };
    assert_eq!(call(&mut client(90)).await.unwrap(), 200);
    let error = call(&mut client(110)).await.unwrap_err();
    assert!(error.is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn concurrency_limit_counts_waiters_only_if_above_the_layer() {
    for is_above in [false, true] {
        let kit = Kit::new(rules(300, 500));
        let auth = EnkashAuthLayer::new(kit.tokens.clone());
        let client: BoxCloneSyncService<_, Response<ResponseBody<String>>, BoxError> = if is_above {
            let stack = ServiceBuilder::new().concurrency_limit(2).layer(auth);
            BoxCloneSyncService::new(stack.service(slow(100)))
        } else {
            let stack = ServiceBuilder::new().layer(auth).concurrency_limit(2);
            BoxCloneSyncService::new(stack.service(slow(100)))
        };
        let started = Instant::now();
        let mut calls = JoinSet::new();
        for _ in 0..6 {
            let mut client = client.clone();
            calls.spawn(async move { call(&mut client).await.unwrap() });
        }
        sleep(Duration::from_millis(10)).await;
        let waiting = if is_above { 2 } else { 6 };
        assert_eq!(kit.tokens.status().waiting(), waiting);
        assert_eq!(calls.join_all().await, [200; 6]);
        // One fetch, and then two calls at a time.
        assert_eq!(started.elapsed().as_millis(), 500 + 3 * 100);
    }
}

#[tokio::test(start_paused = true)]
async fn load_shed_above_counts_running_calls_not_waiters() {
    let kit = Kit::new(rules(300, 500));
    let places = Arc::new(Semaphore::new(1));
    let client = ServiceBuilder::new()
        .load_shed()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .layer(tower::limit::GlobalConcurrencyLimitLayer::with_semaphore(
            Arc::clone(&places),
        ))
        .service(slow(100));

    // There is no token yet: all calls wait, and none holds the permit.
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let mut client = client.clone();
        calls.spawn(async move { call(&mut client).await.unwrap() });
    }
    sleep(Duration::from_millis(10)).await;
    assert_eq!(
        (kit.tokens.status().waiting(), places.available_permits()),
        (3, 1)
    );
    assert_eq!(calls.join_all().await, [200; 3]);

    // With a token, one call runs and the next is shed.
    let first = tokio::spawn({
        let mut client = client.clone();
        async move { call(&mut client).await }
    });
    sleep(Duration::from_millis(10)).await;
    let shed = call(&mut client.clone()).await.unwrap_err();
    assert!(shed.is::<Overloaded>());
    assert_eq!(first.await.unwrap().unwrap(), 200);
    assert_eq!(call(&mut client.clone()).await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn load_shed_below_sheds_calls_that_waited() {
    let kit = Kit::new(rules(300, 500));
    let client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .load_shed()
        .concurrency_limit(1)
        .service(slow(100));
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let mut client = client.clone();
        calls.spawn(async move { call(&mut client).await.is_ok() });
    }
    let served = calls.join_all().await.into_iter().filter(|it| *it).count();
    assert_eq!(served, 1);
}

#[tokio::test(start_paused = true)]
async fn buffer_above_accepts_calls_while_others_wait_for_token() {
    let kit = Kit::new(rules(300, 500));
    let client = ServiceBuilder::new()
        .buffer(1)
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(Recorder::default());
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let mut client = client.clone();
        calls.spawn(async move { call(&mut client).await.unwrap() });
    }
    sleep(Duration::from_millis(10)).await;
    assert_eq!(kit.tokens.status().waiting(), 10);
    assert_eq!(calls.join_all().await, [200; 10]);
}

#[tokio::test(start_paused = true)]
async fn buffer_below_supports_client_that_is_not_clone() {
    struct Single(Recorder);

    impl Service<Request<String>> for Single {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(
            &mut self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            self.0.poll_ready(cx)
        }

        fn call(&mut self, request: Request<String>) -> Self::Future {
            self.0.call(request)
        }
    }

    let kit = Kit::new(rules(300, 500));
    let inner = Recorder::default();
    let mut client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .buffer(8)
        .service(Single(inner.clone()));
    for _ in 0..3 {
        assert_eq!(call(&mut client).await.unwrap(), 200);
        assert_eq!(call(&mut client.clone()).await.unwrap(), 200);
    }
    let token = kit.tokens.peek().unwrap();
    assert_eq!(inner.tokens(), vec![token.header().to_str().unwrap(); 6]);
}

#[tokio::test(start_paused = true)]
async fn boxed_stack_is_shared_between_tasks_and_replays() {
    let kit = Kit::new(rules(300, 10));
    let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(Default::default());
    let client = BoxCloneSyncService::new(
        ServiceBuilder::new()
            .layer(layer)
            .service(SandboxService::new(kit.issuer.clone())),
    );
    let client = Arc::new(client);
    let mut calls = JoinSet::new();
    for revoked in [false, true, false, true] {
        let client = Arc::clone(&client);
        let issuer = kit.issuer.clone();
        calls.spawn(async move {
            if revoked {
                issuer.revoke_all();
            }
            let client = BoxCloneSyncService::clone(&client);
            let response = client.oneshot(get("http://localhost/api/v0/cards")).await;
            response.unwrap().status().as_u16()
        });
    }
    assert_eq!(calls.join_all().await, [200; 4]);
}

#[tokio::test(start_paused = true)]
async fn nested_layers_each_fetch_another_token_after_401() {
    let (outer, inner) = (Kit::new(rules(300, 10)), Kit::new(rules(300, 10)));
    let mut client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(outer.tokens.clone()))
        .layer(EnkashAuthLayer::new(inner.tokens.clone()))
        .service(SandboxService::new(inner.issuer.clone()));
    assert_eq!(call(&mut client).await.unwrap(), 200);
    sleep(YOUNG).await;
    inner.issuer.revoke_all();
    assert_eq!(call(&mut client).await.unwrap(), 401);
    assert!(outer.tokens.peek().is_none());
    assert!(inner.tokens.peek().is_none());
}
