//! Attaching a fresh token to a request allocates nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use allocation_counter::measure;
use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{EnkashAuthLayer, TokenCache, TokenEndpoint, TokenRequestBody};
use futures_util::FutureExt;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Empty;
use tower::{Layer, Service};

/// Responds to every request at once; each carries a token.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Empty<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(request.headers().contains_key(AUTHORIZATION));
        ready(Ok(Response::new(Empty::new())))
    }
}

/// A request whose header map has room already.
fn request() -> Request<()> {
    request_to("https://api.enkash.in/api")
}

fn request_to(uri: &str) -> Request<()> {
    let mut request = Request::get(uri).body(()).unwrap();
    request.headers_mut().reserve(8);
    request
}

#[test]
fn request_with_fresh_token_allocates_nothing() {
    let service = tower::service_fn(|_: Request<TokenRequestBody>| async {
        let response = format!(
            r#"{{"access_token":"{}","expires_in":86399}}"#,
            "t".repeat(1000)
        );
        Ok::<_, Infallible>(Response::new(response))
    });
    // Merchant keys have a classifier.
    let credentials = Credentials::password(
        Client::new("allocations", "secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::with_service(Environment::Live, credentials, service).unwrap();
    let tokens = TokenCache::new(endpoint);
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(tokens.warm_up())
        .unwrap();
    let mut kept = EnkashAuthLayer::new(tokens.clone()).layer(Bare);
    // The second use makes the handle's own copy, once per token.
    for _ in 0..3 {
        kept.call(request()).now_or_never().unwrap().unwrap();
    }

    let mut requests: Vec<_> = (0..1_000).map(|_| request()).collect();
    let counted = measure(|| {
        for request in requests.drain(..500) {
            drop(kept.call(request).now_or_never().unwrap().unwrap());
        }
    });
    assert_eq!(counted.count_total, 0, "kept handle");

    for (uri, why) in [
        (
            "https://API.enkash.in:443/api",
            "a port and a case spelled out",
        ),
        ("https://pay.enkash.in/api", "a second origin"),
    ] {
        let layer = EnkashAuthLayer::new(tokens.clone());
        let layer = layer.allow_origin("https://pay.enkash.in".parse().unwrap());
        let mut service = layer.layer(Bare);
        let mut requests = [(); 4].map(|()| Some(request_to(uri)));
        let mut counts = requests.iter_mut().map(|request| {
            let request = request.take().unwrap();
            let call = || drop(service.call(request).now_or_never().unwrap().unwrap());
            measure(call).count_total
        });
        assert_eq!(counts.by_ref().take(1).sum::<u64>(), 0, "{why}");
        // First the copy of a kept handle, then nothing.
        assert_eq!(counts.skip(1).sum::<u64>(), 0, "{why}");
    }

    // Of a thread's clones, the second to be used makes their copy, once per token.
    drop(kept.clone().call(request()).now_or_never());
    let counted = measure(|| {
        for request in requests.drain(..) {
            drop(kept.clone().call(request).now_or_never().unwrap().unwrap());
        }
    });
    assert_eq!(counted.count_total, 0, "cloned per request");

    // On another thread, the second clone makes a slot, whose second use copies the token.
    let counted = std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| {
            for _ in 0..4 {
                drop(kept.clone().call(request()).now_or_never());
            }
            let requests: Vec<_> = (0..500).map(|_| request()).collect();
            measure(|| {
                for request in requests {
                    drop(kept.clone().call(request).now_or_never().unwrap().unwrap());
                }
            })
        });
        elsewhere.join().unwrap()
    });
    // The list of requests is freed, not allocated.
    assert_eq!(
        counted.count_total, 0,
        "cloned per request on another thread"
    );

    let counted = measure(|| drop(tokens.token().now_or_never()));
    assert_eq!(counted.count_total, 0, "token()");
    // The counter does count.
    assert_ne!(measure(|| drop(vec![0_u8; 100])).count_total, 0);
}
