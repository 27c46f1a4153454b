//! Attaching a fresh token to a request allocates nothing; of accounts that come and go, nothing stays.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/clock.rs"]
mod clock;

use std::{
    convert::Infallible,
    future::{Ready, pending, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use allocation_counter::measure;
use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{
    Accounts, BoxError, EnkashAuthLayer, TokenCache, TokenEndpoint, TokenRequestBody, TokenServer,
};
use fastrand::Rng;
use futures_util::FutureExt;
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio::{
    runtime::Builder,
    time::{sleep, timeout},
};
use tower::{Layer, Service};

use self::clock::TokioClock;

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
    Builder::new_current_thread()
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

/// Called at random before a server and a database that fail, forgotten, displaced and reset: what 100 accounts take after
/// ten minutes, they take after forty.
#[test]
fn accounts_that_come_and_go_leave_no_memory() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let rng = Arc::new(Mutex::new(Rng::with_seed(1)));
    let chance = |of: u32| {
        let rng = Arc::clone(&rng);
        move || rng.lock().unwrap().u32(..of)
    };
    let (fault, source_fault, pick) = (chance(40), chance(40), chance(100));
    let server = tower::service_fn(move |_: Request<TokenRequestBody>| {
        let fault = fault();
        async move {
            sleep(Duration::from_millis(20)).await;
            let (status, body) = match fault {
                0 => pending().await,
                1 => (200, "<html>"),
                2 => (503, ""),
                3 => (429, ""),
                _ => (200, r#"{"access_token":"a-token","expires_in":60}"#),
            };
            Response::builder().status(status).body(body.to_owned())
        }
    });
    let source = move |id: u32| {
        let fault = source_fault();
        async move {
            let password = match fault {
                0 => pending().await,
                1 => return Err("planned".into()),
                2 => "another",
                _ => "password",
            };
            let user = User::new(format!("{id}@come-and-go.example"), password);
            Ok::<_, BoxError>(Credentials::password(Client::new("id", "secret"), user))
        }
    };
    let entered = runtime.enter();
    let clock = TokioClock::new();
    drop(entered);
    let accounts = Accounts::builder(
        TokenServer::with_service(Environment::Live, server).unwrap(),
        source,
    )
    .clock(clock)
    .capacity(80)
    .idle_timeout(Duration::from_secs(300))
    .build();
    let grown = [(); 4].map(|()| {
        let minutes = async {
            for second in 0..10 * 60 {
                for _ in 0..4 {
                    let (id, accounts) = (pick(), accounts.clone());
                    let call = async move { accounts.get(&id)?.token().await };
                    tokio::spawn(timeout(Duration::from_millis(u64::from(pick()) * 50), call));
                }
                match second % 60 {
                    0 => drop(accounts.reset_unresolved().await),
                    10 | 30 => accounts.forget(&pick()),
                    20 | 40 => drop(accounts.credentials_changed(&pick()).await),
                    _ => {}
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        measure(|| runtime.block_on(minutes)).bytes_current
    });
    let first = grown[0];
    let later: i64 = grown[1..].iter().sum();
    assert!(first > 50_000, "{grown:?}");
    assert!(later < first / 10, "{grown:?}");
}
