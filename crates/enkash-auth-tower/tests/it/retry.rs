//! `TokenRetry` retries calls that got no token, and sends nothing twice.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, ErrorKind, NotCalled, RefreshPolicy, TokenRetry,
    replay::ReplayBody,
};
use http::{Request, Response, StatusCode};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{
    Layer, ServiceBuilder, ServiceExt,
    retry::{RetryLayer, budget::Budget},
    service_fn,
};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::support::{Kit, Recorder, cache, call, endpoint, get, rules, status};

fn kind(error: &BoxError) -> ErrorKind {
    NotCalled::of(&**error).unwrap().error().kind()
}

fn post(uri: &str) -> Request<String> {
    let mut request = get(uri);
    *request.method_mut() = http::Method::POST;
    request
}

#[tokio::test(start_paused = true)]
async fn call_without_token_is_retried_until_outage_ends() {
    let kit = Kit::new(rules(300, 10));
    kit.issuer.set_outage(true);
    let inner = Recorder::default();
    let mut client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(inner.clone());
    let issuer = kit.issuer.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        issuer.set_outage(false);
    });
    let started = Instant::now();
    assert_eq!(call(&mut client).await.unwrap(), 200);
    assert_eq!(inner.calls(), 1);
    // Three attempts with their backoff; then `retry_after`, 0.5 s to 0.75 s; then one more.
    let took = started.elapsed().as_millis();
    assert!((1_200..1_600).contains(&took), "{took}");
    assert_eq!(kit.tokens.status().fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn error_of_inner_service_is_not_retried() {
    let kit = Kit::new(rules(300, 10));
    let look_alike = || {
        Error::new(ErrorKind::Unavailable, "status 503").with_retry_after(Duration::from_millis(1))
    };
    let errors: [fn(Error) -> BoxError; 3] = [
        |error| error.into(),
        |error| error.clone().with_source(error).into(),
        |error| std::io::Error::other(error).into(),
    ];
    for error in errors {
        let payments = AtomicUsize::new(0);
        let below = service_fn(|_: Request<String>| {
            payments.fetch_add(1, Ordering::Relaxed);
            let error = error(look_alike());
            async move { Err::<Response<String>, _>(error) }
        });
        let client = ServiceBuilder::new()
            .layer(RetryLayer::new(TokenRetry::new()))
            .layer(EnkashAuthLayer::new(kit.tokens.clone()))
            .service(below);
        client
            .oneshot(post("http://localhost/pay"))
            .await
            .unwrap_err();
        assert_eq!(payments.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn missing_token_of_nested_layer_is_not_retried() {
    let above = Kit::new(rules(300, 10));
    let below = Kit::new(rules(300, 10));
    below.issuer.set_outage(true);
    let payments = AtomicUsize::new(0);
    let inner = EnkashAuthLayer::new(below.tokens.clone()).layer(Recorder::default());
    // It may have had an effect before it needed a token of its own.
    let between = service_fn(|request: Request<String>| {
        payments.fetch_add(1, Ordering::Relaxed);
        inner.clone().oneshot(request)
    });
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(EnkashAuthLayer::new(above.tokens.clone()))
        .service(between);
    let error = client.oneshot(post("http://localhost/pay")).await;
    assert!(error.unwrap_err().is::<Error>());
    assert_eq!(payments.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn payment_is_not_retried_for_token_of_its_redirect() {
    // The wrong order: redirects are followed between the policy and the layer.
    let kit = Kit::new(rules(10, 10));
    let payments = AtomicUsize::new(0);
    let issuer = kit.issuer.clone();
    let api = service_fn(|request: Request<String>| {
        let is_payment = request.method() == http::Method::POST;
        assert!(is_payment, "there is no token for the receipt");
        payments.fetch_add(1, Ordering::Relaxed);
        issuer.set_outage(true);
        async {
            // The token expires, and no other can be fetched yet.
            sleep(Duration::from_secs(20)).await;
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            let receipt = http::HeaderValue::from_static("/receipt");
            response.headers_mut().insert("location", receipt);
            Ok::<_, Infallible>(response)
        }
    });
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(FollowRedirectLayer::new())
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(api);
    let issuer = kit.issuer.clone();
    tokio::spawn(async move {
        // Between the failure and a retry.
        sleep(Duration::from_millis(21_000)).await;
        issuer.set_outage(false);
    });
    let error = client
        .oneshot(post("http://localhost/pay"))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Unavailable);
    assert_eq!(payments.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn permanent_error_is_not_retried() {
    let kit = Kit::new(rules(300, 10));
    kit.issuer.change_rules(|rules| rules.lock_after(1));
    let rejected = cache(endpoint(|_| async {
        let mut response = status(400);
        *response.body_mut() = r#"{"error":"invalid_grant"}"#.to_owned();
        response
    }));
    let client = |tokens| {
        ServiceBuilder::new()
            .layer(RetryLayer::new(TokenRetry::new()))
            .layer(EnkashAuthLayer::new(tokens))
            .service(Recorder::default())
    };
    let started = Instant::now();
    let error = call(&mut client(rejected.clone())).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Rejected);
    assert_eq!(rejected.status().token_requests(), 1);

    let foreign = client(kit.tokens)
        .oneshot(get("https://example.com/"))
        .await;
    assert_eq!(kind(&foreign.unwrap_err()), ErrorKind::ForeignOrigin);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn retry_after_beyond_longest_pause_is_not_retried() {
    let tokens = cache(endpoint(|_| async {
        let mut response = status(429);
        response.headers_mut().insert("retry-after", 6.into());
        response
    }));
    let client = |policy| {
        ServiceBuilder::new()
            .layer(RetryLayer::new(policy))
            .layer(EnkashAuthLayer::new(tokens.clone()))
            .service(Recorder::default())
    };
    let started = Instant::now();
    let error = call(&mut client(TokenRetry::new())).await.unwrap_err();
    let after = error.downcast_ref::<Error>().unwrap().retry_after();
    assert_eq!(after, Some(Duration::from_secs(6)));
    assert_eq!(started.elapsed(), Duration::ZERO);

    let patient = TokenRetry::new()
        .longest_pause(Duration::from_secs(6))
        .retries(1);
    call(&mut client(patient)).await.unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn call_is_retried_at_most_as_configured() {
    for most in [0, 1, 3] {
        let kit = Kit::new(rules(300, 10));
        kit.issuer.set_outage(true);
        let mut client = ServiceBuilder::new()
            .layer(RetryLayer::new(TokenRetry::new().retries(most)))
            .layer(EnkashAuthLayer::new(kit.tokens.clone()))
            .service(Recorder::default());
        let error = call(&mut client).await.unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Unavailable);
        assert_eq!(kit.tokens.status().fetches(), u64::from(most) + 1);
    }
}

/// The retries left for all calls, and the number of deposits.
#[derive(Clone, Default)]
struct Purse(Arc<(AtomicUsize, AtomicUsize)>);

impl Budget for Purse {
    fn deposit(&self) {
        self.0.1.fetch_add(1, Ordering::Relaxed);
    }

    fn withdraw(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        let taken = self
            .0
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_share_one_retry_budget() {
    let kit = Kit::new(rules(300, 10));
    kit.issuer.set_outage(true);
    let purse = Purse::default();
    purse.0.0.store(4, Ordering::Relaxed);
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new().budget(purse.clone())))
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(Recorder::default());
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let mut client = client.clone();
        calls.spawn(async move { call(&mut client).await.is_ok() });
    }
    sleep(Duration::from_millis(900)).await;
    // All calls failed without a token; as many as the budget allows retry.
    kit.issuer.set_outage(false);
    let served = calls.join_all().await.into_iter().filter(|it| *it).count();
    assert_eq!(served, 4);
    assert_eq!(
        purse.0.1.load(Ordering::Relaxed),
        4,
        "each response pays in"
    );
}

#[tokio::test(start_paused = true)]
async fn body_that_cannot_be_cloned_is_not_retried() {
    #[derive(Debug)]
    struct Once;

    impl ReplayBody for Once {
        fn try_clone(&self) -> Option<Self> {
            None
        }
    }

    let kit = Kit::new(rules(300, 10));
    kit.issuer.set_outage(true);
    let below =
        service_fn(|_: Request<Once>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(below);
    let request = Request::get("http://localhost/").body(Once).unwrap();
    let error = client.oneshot(request).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Unavailable);
    assert_eq!(kit.tokens.status().fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn error_without_retry_after_is_retried() {
    let mut policy = RefreshPolicy::default();
    policy.wait_timeout = Duration::from_millis(100);
    let kit = Kit::with_policy(rules(300, 1_000), policy);
    let mut client = ServiceBuilder::new()
        .layer(RetryLayer::new(
            TokenRetry::new().longest_pause(Duration::from_millis(500)),
        ))
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(Recorder::default());
    assert_eq!(call(&mut client).await.unwrap(), 200);
}
