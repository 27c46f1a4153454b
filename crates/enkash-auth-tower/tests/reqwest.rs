//! The layer over `reqwest::Client`, with real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::{Pending, pending},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use allocation_counter::measure;
use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Accounts, Endpoint, Fault, Issuer, Sandbox};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, EnkashProfile, Error, ErrorKind, NotCalled, ReplayPolicy,
    TokenCache, TokenEndpoint, TokenRequestBody, TokenRetry,
};
use futures_util::FutureExt;
use http::{StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use reqwest::{
    Body, Method, Request, Response, ResponseBuilderExt,
    dns::{Name, Resolve, Resolving},
    redirect,
};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit, retry::RetryLayer,
    service_fn,
};
use tower_http::follow_redirect::FollowRedirectLayer;

/// Returns a client that is fit to be the inner service: it follows no redirects.
fn reqwest_client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(redirect::Policy::none());
    client.no_proxy().build().unwrap()
}

/// Adapts a service of reqwest's requests to those of `http`.
fn over<S>(
    client: S,
) -> impl Service<http::Request<Body>, Response = http::Response<Body>, Error = BoxError, Future: Send>
+ Clone
+ Send
+ Sync
where
    S: Service<Request, Response = Response, Future: Send> + Clone + Send + Sync,
    S::Error: Into<BoxError> + Send,
{
    service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move {
            let request = Request::try_from(request)?;
            let response = client.oneshot(request).await.map_err(Into::into)?;
            Ok(response.into())
        }
    })
}

/// Starts a sandbox on loopback with a user of its own: strikes are counted per process.
async fn stage() -> (Sandbox, TokenCache) {
    static USERS: AtomicU64 = AtomicU64::new(0);
    let user = format!("user-{}@example.com", USERS.fetch_add(1, Ordering::Relaxed));
    let accounts = Accounts::none()
        .client("client-id", "client-secret")
        .user(&user, "password");
    let issuer = Issuer::builder().accounts(accounts).build();
    let sandbox = Sandbox::builder().issuer(issuer).start().await.unwrap();
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new(user, "password"),
    );
    let environment = Environment::custom(&sandbox.base_url()).unwrap();
    // Token requests and calls use the same client.
    let client = ServiceBuilder::new()
        .map_request(|request: http::Request<TokenRequestBody>| request.map(Body::wrap))
        .service(over(reqwest_client()));
    let endpoint = TokenEndpoint::with_service(environment, credentials, client).unwrap();
    (sandbox, TokenCache::new(endpoint))
}

fn request(method: Method, sandbox: &Sandbox) -> Request {
    let url = format!("{}/api/v0/payouts", sandbox.base_url());
    Request::new(method, url.parse().unwrap())
}

#[tokio::test]
async fn every_request_carries_the_token() {
    let (sandbox, tokens) = stage().await;
    let mut client = EnkashAuthLayer::new(tokens).layer(reqwest_client());
    for _ in 0..5 {
        let mut request = request(Method::GET, &sandbox);
        request
            .headers_mut()
            .insert(AUTHORIZATION, "Basic YTpi".parse().unwrap());
        let response = client.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.token_requests, counters.api_calls), (1, 5));
}

#[tokio::test]
async fn urls_of_foreign_origins_are_blocked() {
    let (sandbox, tokens) = stage().await;
    let client = EnkashAuthLayer::new(tokens).layer(reqwest_client());
    let address = sandbox.addr();
    for url in [
        format!("https://{address}/"),
        format!("http://127.0.0.1:{}/", address.port() ^ 1),
        format!("http://localhost:{}/", address.port()),
        format!("http://user:pin@{address}/"),
        format!("http://{address}@localhost/"),
        "https://example.com/".to_owned(),
    ] {
        let request = Request::new(Method::POST, url.parse().unwrap());
        let error = client.clone().oneshot(request).await.unwrap_err();
        let not_called = NotCalled::of(&*error).unwrap();
        assert_eq!(not_called.method(), Method::POST);
        let error = error.downcast_ref::<Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{url}");
        assert!(!format!("{error:?}").contains("pin"));
    }
    assert_eq!(sandbox.issuer().counters().token_requests, 0);
}

#[tokio::test]
async fn unauthorized_call_is_replayed_unless_body_is_a_stream() {
    let (sandbox, tokens) = stage().await;
    let layer = EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default());
    let mut client = layer.layer(reqwest_client());
    for (body, status) in [
        (Body::from("amount=100"), StatusCode::OK),
        (
            Body::wrap(Full::new(Bytes::from("amount=100"))),
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let mut first = request(Method::GET, &sandbox);
        *first.body_mut() = None;
        client.ready().await.unwrap().call(first).await.unwrap();
        sandbox.issuer().revoke_all();

        let mut second = request(Method::POST, &sandbox);
        *second.body_mut() = Some(body);
        let response = client.ready().await.unwrap().call(second).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

/// The challenge of a page that the client was redirected to says nothing about the payment before it.
#[tokio::test]
async fn payment_is_not_replayed_after_a_redirect() {
    for (path, count) in [("/api/v0/payouts", 2), ("/receipt", 1)] {
        let (sandbox, tokens) = stage().await;
        // The issuer has another token for a second call.
        tokens.token().await.unwrap();
        sandbox.issuer().revoke_all();
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let api = service_fn(move |request: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut url = request.url().clone();
            url.set_path(path);
            let response = http::Response::builder()
                .status(401)
                .header("www-authenticate", r#"Bearer error="invalid_token""#)
                .url(url);
            let response = Response::from(response.body("").unwrap());
            async { Ok::<_, Infallible>(response) }
        });
        let layer = EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default());
        let paid = layer.layer(api).oneshot(request(Method::POST, &sandbox));
        assert_eq!(paid.await.unwrap().status(), 401);
        assert_eq!(calls.load(Ordering::Relaxed), count, "{path}");
    }
}

/// A response is rebuilt after a look at its body.
#[tokio::test]
async fn response_whose_body_was_looked_at_is_unchanged() {
    for (body, is_rejected) in [
        (r#"{"response_code":117}"#.to_owned(), true),
        (r#"{"response_code":0}"#.to_owned(), false),
        (format!(r#"{{"payload":"{}"}}"#, "x".repeat(10_000)), false),
    ] {
        let (sandbox, tokens) = stage().await;
        tokens.token().await.unwrap();
        let api = service_fn(|request: Request| {
            let response = http::Response::builder()
                .status(400)
                .header("content-type", "application/json")
                .url(request.url().clone());
            let response = Response::from(response.body(body.clone()).unwrap());
            async { Ok::<_, Infallible>(response) }
        });
        let layer = EnkashAuthLayer::new(tokens.clone()).classifier(EnkashProfile);
        let request = request(Method::POST, &sandbox);
        let url = request.url().clone();
        let response = layer.layer(api).oneshot(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.url()), (400, &url));
        assert_eq!(response.content_length(), Some(body.len() as u64));
        assert_eq!(response.text().await.unwrap(), body);
        tokens.idle().await;
        let requests = sandbox.issuer().counters().token_requests;
        assert_eq!(requests, 1 + u64::from(is_rejected));
    }
}

#[tokio::test]
async fn redirect_above_layer_blocks_foreign_origin() {
    let (sandbox, tokens) = stage().await;
    let (foreign, _) = stage().await;
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(over(EnkashAuthLayer::new(tokens).layer(reqwest_client())));
    let call = |to: String| {
        sandbox
            .issuer()
            .order(Fault::Redirect { to: Some(to) }.at(Endpoint::Api));
        let uri = format!("{}/api/v0/cards", sandbox.base_url());
        client
            .clone()
            .oneshot(http::Request::get(uri).body(Body::default()).unwrap())
    };
    let home = call("/api/v0/elsewhere".to_owned()).await.unwrap();
    assert_eq!(home.status(), StatusCode::OK);
    assert_eq!(sandbox.issuer().counters().api_unauthorized, 0);

    let error = call(format!("{}/api/v0/cards", foreign.base_url()))
        .await
        .unwrap_err();
    let not_called = NotCalled::of(&*error).unwrap();
    assert_eq!(not_called.error().kind(), ErrorKind::ForeignOrigin);
    assert_eq!(foreign.issuer().counters().api_calls, 0);
}

#[tokio::test]
async fn call_without_token_is_retried_and_reset_call_is_not() {
    let (sandbox, tokens) = stage().await;
    // One fetch makes three attempts.
    sandbox
        .issuer()
        .order(Fault::ServerError.at(Endpoint::Token).times(3));
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(EnkashAuthLayer::new(tokens))
        .service(reqwest_client());
    let payment = client.clone().oneshot(request(Method::POST, &sandbox));
    assert_eq!(payment.await.unwrap().status(), StatusCode::OK);
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.token_requests, counters.api_calls), (4, 1));

    sandbox
        .issuer()
        .order(Fault::CloseAfterReading.at(Endpoint::Api));
    let payment = client.oneshot(request(Method::POST, &sandbox));
    assert!(payment.await.unwrap_err().is::<reqwest::Error>());
    assert_eq!(sandbox.issuer().counters().api_calls, 2);
}

/// Never responds.
#[derive(Clone)]
struct Bare;

impl Service<Request> for Bare {
    type Response = Response;
    type Error = Infallible;
    type Future = Pending<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        assert!(request.headers().contains_key(AUTHORIZATION));
        pending()
    }
}

#[tokio::test]
async fn request_with_fresh_token_allocates_nothing() {
    let (sandbox, tokens) = stage().await;
    tokens.warm_up().await.unwrap();
    let mut client = EnkashAuthLayer::new(tokens).layer(Bare);
    let ready = || {
        let mut request = request(Method::GET, &sandbox);
        request.headers_mut().reserve(8);
        request
    };
    // The second use makes the handle's own copy, once per token.
    for _ in 0..3 {
        drop(client.call(ready()));
    }
    let mut requests: Vec<_> = (0..100).map(|_| ready()).collect();
    let counted = measure(|| {
        for request in requests.drain(..) {
            drop(client.call(request));
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[tokio::test]
async fn replay_readiness_follows_the_client() {
    let (_sandbox, tokens) = stage().await;
    let never = ConcurrencyLimit::new(reqwest_client(), 0);
    let layer = EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default());
    let mut client = layer.layer(never);
    let ready = ServiceExt::<Request>::ready(&mut client);
    assert!(ready.now_or_never().is_none());
}

/// Resolves no host.
struct NoNames;

impl Resolve for NoNames {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("no such host".into()) })
    }
}

#[tokio::test]
async fn dns_failure_counts_no_strike() {
    let client = reqwest::Client::builder().dns_resolver(NoNames);
    let client = over(client.no_proxy().build().unwrap());
    let service =
        client.map_request(|request: http::Request<TokenRequestBody>| request.map(Body::wrap));
    let credentials = Credentials::merchant("key", "secret");
    let environment = Environment::custom("https://nowhere.example").unwrap();
    let endpoint = TokenEndpoint::with_service(environment, credentials, service).unwrap();
    let tokens = TokenCache::new(endpoint);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(tokens.status().unresolved_attempts(), 0);
}
