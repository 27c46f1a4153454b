//! Readiness of the inner service.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use enkash_auth_tower::{EnkashAuthLayer, RefreshPolicy, ReplayPolicy};
use http::{Request, Response};
use tokio::time::{sleep, timeout};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer};

use crate::support::{Kit, Recorder, call, get, rules};

#[tokio::test(start_paused = true)]
async fn request_waiting_for_token_holds_no_permit() {
    let kit = Kit::new(rules(300, 1000));
    let limited = ConcurrencyLimitLayer::new(1).layer(Recorder::default());
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(limited.clone());

    let waiting = client.ready().await.unwrap().call(get("http://localhost/"));
    let waiting = tokio::spawn(waiting);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(kit.tokens.status().waiting(), 1);

    // An unrelated request under the same limit.
    let mut unrelated = limited;
    timeout(Duration::from_millis(1), call(&mut unrelated))
        .await
        .expect("the permit is free")
        .unwrap();
    waiting.await.unwrap().unwrap();
    timeout(Duration::from_millis(1), call(&mut unrelated))
        .await
        .expect("the permit was given back")
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn failed_call_releases_its_permit() {
    let kit = Kit::new(rules(300, 10));
    let limited = ConcurrencyLimitLayer::new(1).layer(Recorder::default());
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(limited.clone());
    let mut unrelated = limited;

    // To a foreign origin; during the failing fetch; in the backoff after it.
    kit.issuer.set_outage(true);
    for uri in [
        "https://example.com/",
        "http://localhost/",
        "http://localhost/",
    ] {
        let failed = client.ready().await.unwrap().call(get(uri)).await;
        assert!(failed.is_err());
        timeout(Duration::from_millis(1), call(&mut unrelated))
            .await
            .expect("the permit is free")
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn timed_out_call_is_not_sent_later() {
    let mut policy = RefreshPolicy::default();
    policy.wait_timeout = Duration::from_secs(1);
    let kit = Kit::with_policy(rules(300, 3_000), policy);
    let inner = Recorder::default();
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(inner.clone());
    let mut failed = task::spawn(client.ready().await.unwrap().call(get("http://localhost/")));
    assert_pending!(failed.poll());
    sleep(Duration::from_millis(1_001)).await;
    assert_ready_err!(failed.poll());
    kit.tokens.token().await.unwrap_err();
    sleep(Duration::from_secs(4)).await;
    kit.tokens.token().await.unwrap();
    assert_pending!(failed.poll());
    assert_eq!(inner.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn inner_service_is_called_only_when_ready() {
    let kit = Kit::new(rules(300, 50));
    let inner = Strict::default();
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(inner.clone());
    let waiting = client.ready().await.unwrap().call(get("http://localhost/"));
    waiting.await.unwrap();
    for _ in 0..3 {
        call(&mut client).await.unwrap();
        call(&mut client.clone()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn token_expired_before_readiness_is_replaced() {
    let kit = Kit::new(rules(60, 50));
    let inner = Gate::default();
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    let mut client = layer.layer(inner.clone());
    inner.open();
    let waiting = tokio::spawn(client.ready().await.unwrap().call(get("http://localhost/")));
    inner.close();
    // The token was fetched at 50 ms, and has expired by the time the service is ready.
    sleep(Duration::from_secs(120)).await;
    inner.open();
    waiting.await.unwrap().unwrap();

    let used = inner.recorder.tokens();
    assert_eq!(
        used,
        [kit.tokens.peek().unwrap().header().to_str().unwrap()]
    );
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

/// Panics if called without having been ready.
#[derive(Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<String>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        ready(Ok(Response::new(String::new())))
    }
}

/// Ready while it is open.
#[derive(Clone, Default)]
struct Gate {
    recorder: Recorder,
    state: Arc<Mutex<(bool, Vec<Waker>)>>,
}

impl Gate {
    fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        state.1.drain(..).for_each(Waker::wake);
    }

    fn close(&self) {
        self.state.lock().unwrap().0 = false;
    }
}

impl Service<Request<String>> for Gate {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let mut state = self.state.lock().unwrap();
        if state.0 {
            return Poll::Ready(Ok(()));
        }
        state.1.push(cx.waker().clone());
        Poll::Pending
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        self.recorder.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn layer_and_replay_readiness_follow_the_inner_service() {
    let kit = Kit::new(rules(300, 50));
    let never = ConcurrencyLimitLayer::new(0).layer(Recorder::default());
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    let mut replaying = layer
        .clone()
        .replay(ReplayPolicy::default())
        .layer(never.clone());
    assert_pending!(task::spawn(replaying.ready()).poll());
    assert_pending!(task::spawn(layer.layer(never).ready()).poll());
}
