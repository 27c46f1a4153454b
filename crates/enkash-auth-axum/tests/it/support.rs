use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Body;
use enkash_auth_axum::{Proxy, ProxyBody};
use enkash_auth_sandbox::{Issuer, SandboxService};
use enkash_auth_tower::BoxError;
use enkash_auth_tower::{Client, Credentials, Environment, User};
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Service, ServiceExt};

/// The upstream of the proxies in these tests.
pub(crate) const UPSTREAM: &str = "http://127.0.0.1:4010";

/// Credentials of a separate account, because strikes are counted per process.
pub(crate) fn credentials(name: &str) -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    )
    .company_id(name)
}

/// A server of which no other test has accounts: a process counts their attempts.
pub(crate) fn a_server() -> Environment {
    static SERVERS: AtomicUsize = AtomicUsize::new(0);
    let number = SERVERS.fetch_add(1, Ordering::Relaxed);
    Environment::custom(&format!("http://127.0.0.1:{}", 10_000 + number)).unwrap()
}

/// A cache over an in-memory `issuer`.
pub(crate) fn tokens(issuer: &Issuer) -> TokenCache {
    let service = SandboxService::new(issuer.clone());
    TokenCache::new(TokenEndpoint::with_service(a_server(), credentials("x"), service).unwrap())
}

pub(crate) fn a_cache() -> TokenCache {
    tokens(&Issuer::default())
}

/// An in-memory upstream that records requests and returns what `response` makes.
#[derive(Clone)]
pub(crate) struct Upstream {
    seen: Arc<Mutex<Vec<(Parts, usize)>>>,
    response: Arc<dyn Fn() -> Response<Body> + Send + Sync>,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        Self::responding(|| Response::new(Body::from("hello")))
    }

    pub(crate) fn responding(
        response: impl Fn() -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self {
            seen: Arc::default(),
            response: Arc::new(response),
        }
    }

    pub(crate) fn proxy(&self) -> Proxy {
        let seen = Arc::clone(&self.seen);
        let response = Arc::clone(&self.response);
        let service = tower::service_fn(move |request: Request<ProxyBody>| {
            let (seen, response) = (Arc::clone(&seen), Arc::clone(&response));
            async move {
                let (head, body) = request.into_parts();
                let length = body.collect().await?.to_bytes().len();
                seen.lock().unwrap().push((head, length));
                Ok::<_, BoxError>(response())
            }
        });
        proxy_over(service)
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Returns the head of the only request, and the length of its body.
    pub(crate) fn only_call(&self) -> (Parts, usize) {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen.pop().unwrap()
    }
}

pub(crate) fn proxy_over<S>(service: S) -> Proxy
where
    S: Service<Request<ProxyBody>, Response = Response<Body>, Error = BoxError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Proxy::builder(a_cache(), UPSTREAM.parse().unwrap())
        .build_with(service)
        .unwrap()
}

/// Calls the proxy, whose failures are responses.
pub(crate) async fn call(proxy: &Proxy, request: Request<Body>) -> Response<Body> {
    let called: Result<_, Infallible> = proxy.clone().oneshot(request).await;
    called.unwrap()
}

pub(crate) fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

/// Returns the problem in `response`, after checking what all problems have in common.
pub(crate) async fn problem(response: Response<Body>) -> Value {
    let status = response.status();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let retry_after = response.headers().get("retry-after").cloned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["title"], status.canonical_reason().unwrap());
    let in_header = retry_after.map(|after| after.to_str().unwrap().parse::<u64>().unwrap());
    assert_eq!(problem["retry_after"].as_u64(), in_header);
    problem
}
