use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use enkash_auth_axum::tower::core::{Client, Credentials, Environment, User};
use enkash_auth_axum::tower::{TokenCache, TokenEndpoint};
use enkash_auth_axum::{Proxy, ProxyBody, tower::BoxError};
use enkash_auth_sandbox::{Issuer, SandboxService};
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Service, ServiceExt};

/// Where the proxies of these tests lead.
pub(crate) const UPSTREAM: &str = "http://127.0.0.1:4010";

/// Credentials of an account of its own: strikes are counted per process.
pub(crate) fn credentials(name: &str) -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    )
    .company_id(name)
}

/// A cache over `issuer` in memory, with an account named by `base`.
pub(crate) fn tokens(issuer: &Issuer, base: &str) -> TokenCache {
    let environment = Environment::custom(base).unwrap();
    let service = SandboxService::new(issuer.clone());
    TokenCache::new(TokenEndpoint::with_service(environment, credentials("x"), service).unwrap())
}

pub(crate) fn a_cache() -> TokenCache {
    tokens(&Issuer::default(), "http://127.0.0.1:9")
}

/// An upstream in memory: keeps what arrived, and answers as `answer` says.
#[derive(Clone)]
pub(crate) struct Upstream {
    seen: Arc<Mutex<Vec<(Parts, usize)>>>,
    answer: Arc<dyn Fn() -> Response<Body> + Send + Sync>,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        Self::answering(|| Response::new(Body::from("hello")))
    }

    pub(crate) fn answering(answer: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Self {
        Self {
            seen: Arc::default(),
            answer: Arc::new(answer),
        }
    }

    pub(crate) fn proxy(&self) -> Proxy {
        let seen = Arc::clone(&self.seen);
        let answer = Arc::clone(&self.answer);
        let service = tower::service_fn(move |request: Request<ProxyBody>| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let length = body.collect().await?.to_bytes().len();
                seen.lock().unwrap().push((head, length));
                Ok::<_, BoxError>(answer())
            }
        });
        proxy_over(service)
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The head of the one request that arrived, and the length of its body.
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

/// Without a failure of its own: what fails is a response.
pub(crate) async fn call(proxy: &Proxy, request: Request<Body>) -> Response<Body> {
    let called: Result<_, Infallible> = proxy.clone().oneshot(request).await;
    called.unwrap()
}

pub(crate) fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

/// The problem that `response` is, after checking what all problems have in common.
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
