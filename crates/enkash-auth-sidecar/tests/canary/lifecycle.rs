//! The lifecycle of tokens and credentials, with every client.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ReplayPolicy, TokenRetry};
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::{
    server::{RawResponse, Server, grant, response},
    sinks::{Canary, logged},
    stage::{KINDS, builder, credentials, exhibit, note},
};

/// Grants a new token each time; each token is accepted once, and then echoed with a 401.
fn fickle(canary: &Arc<Canary>) -> impl Fn(&str) -> RawResponse + Send + Sync + 'static {
    let canary = Arc::clone(canary);
    let returns_401 = AtomicBool::new(false);
    move |request| {
        if request.starts_with("POST ") {
            return grant(&canary.secret("token"));
        }
        if !returns_401.fetch_xor(true, Ordering::Relaxed) {
            return response("200 OK", "", "");
        }
        let echo = request.replace("\r\n", " ");
        let headers = format!("www-authenticate: Bearer error=\"invalid_token\", x=\"{echo}\"\r\n");
        response("401 Unauthorized", &headers, &canary.all().join(" "))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_lifecycle_leaks_no_secret() {
    let canary = Arc::new(Canary::new());
    for kind in KINDS {
        let server = Server::start(fickle(&canary)).await;
        let again = credentials(&canary, kind);
        let failed = AtomicBool::new(false);
        let tokens =
            builder(&server.base(), credentials(&canary, kind)).reload_credentials(move || {
                ready(match failed.swap(true, Ordering::Relaxed) {
                    false => Err("the file is gone".into()),
                    true => Ok(again.clone()),
                })
            });
        canary.debug(&tokens);
        let tokens = tokens.build();
        exhibit(&canary, &tokens, &server.base()).await;
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        let retries = TokenRetry::new().longest_pause(Duration::from_millis(1));
        canary.debug(&retries);
        let calls = ServiceBuilder::new()
            .retry(retries)
            .layer(EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default()))
            .service(http);
        let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
        let reqwest = EnkashAuthLayer::new(tokens.clone())
            .replay(ReplayPolicy::default())
            .layer(reqwest);
        for _ in 0..3 {
            let url = format!("{}/api/v0/payouts", server.base());
            let request = Request::get(&url).body(Full::<Bytes>::default()).unwrap();
            let calling = calls.clone().oneshot(request);
            calling.await.unwrap();
            let request = reqwest::Request::new(http::Method::GET, url.parse().unwrap());
            reqwest.clone().oneshot(request).await.unwrap();
            tokens.set_credentials(credentials(&canary, kind)).unwrap();
            exhibit(&canary, &tokens, &server.base()).await;
            tokens.reset().await.unwrap();
        }
        let other = KINDS.into_iter().nth(2 - (kind as usize / 2) * 2).unwrap();
        let rejected = tokens
            .set_credentials(credentials(&canary, other))
            .unwrap_err();
        canary.error(&rejected);
        let elsewhere = Request::get("http://127.0.0.1:9/")
            .body(Full::default())
            .unwrap();
        let error = calls.oneshot(elsewhere).await.unwrap_err();
        note(&canary, error);
        let fetched = server
            .seen()
            .iter()
            .filter(|it| it.starts_with("POST "))
            .count();
        assert!(fetched > 2, "{fetched}");
    }
    canary.assert_silent(&["Debug", "error", "document", "log", "metrics"]);
}

/// The traces of h2 contain whole headers.
#[tokio::test(flavor = "multi_thread")]
async fn http2_call_leaks_no_secret() {
    let canary = Arc::new(Canary::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service =
            service_fn(async |_| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
        let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = http2.serve_connection(TokioIo::new(stream), service).await;
    });
    let minting = Arc::clone(&canary);
    let server = Server::start(move |_| grant(&minting.secret("token"))).await;
    let tokens = builder(&server.base(), credentials(&canary, KINDS[1])).build();
    let http2 = legacy::Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let calls = EnkashAuthLayer::new(tokens)
        .allow_origin(api.parse().unwrap())
        .layer(http2);
    let request = Request::get(&api).body(Full::<Bytes>::default()).unwrap();
    let called: Result<_, BoxError> = calls.oneshot(request).await;
    assert_eq!(called.unwrap().status(), 200);
    assert!(logged().contains(" h2::"), "h2 logs nothing");
    canary.assert_silent(&["log", "metrics"]);
}
