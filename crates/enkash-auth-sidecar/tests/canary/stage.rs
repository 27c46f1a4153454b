//! Credentials of every kind, and every method of a cache.

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use enkash_auth_axum::{CurrentToken, Problem, Proxy, health};
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, MemoryStore, RefreshPolicy, ReplayPolicy, TokenCache,
    TokenCacheBuilder, TokenEndpoint, internal::Process,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use tower::{Layer, ServiceExt};

use crate::sinks::Canary;

/// The dialects, each with all secrets that it can have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Password,
    PasswordAndAll,
    Merchant,
    MerchantAndAll,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind::Password,
    Kind::PasswordAndAll,
    Kind::Merchant,
    Kind::MerchantAndAll,
];

/// Returns new credentials.
pub(crate) fn credentials(canary: &Canary, kind: Kind) -> Credentials {
    let password = || {
        let client = Client::new("client-id", canary.password("client secret"));
        let user = User::new("user@example.com", canary.password("password"));
        Credentials::password(client, user)
    };
    let merchant = || {
        let access_key = canary.password("access key");
        Credentials::merchant(access_key, canary.password("secret key"))
    };
    match kind {
        Kind::Password => password(),
        Kind::PasswordAndAll => password()
            .company_id("CEK1")
            .api_key(canary.secret("API key"))
            .form_field("scope", canary.password("form field")),
        Kind::Merchant => merchant(),
        Kind::MerchantAndAll => merchant().api_key(canary.secret("API key")),
    }
}

/// Returns a policy with timeouts as short as sockets permit.
pub(crate) fn policy() -> RefreshPolicy {
    let mut policy = RefreshPolicy::default();
    policy.attempts = 1;
    policy.fetch_timeout = Duration::from_secs(3);
    policy.wait_timeout = Duration::from_secs(6);
    policy
}

pub(crate) fn endpoint(base: &str, credentials: Credentials) -> TokenEndpoint {
    TokenEndpoint::new(Environment::custom(base).unwrap(), credentials).unwrap()
}

pub(crate) fn builder(base: &str, credentials: Credentials) -> TokenCacheBuilder {
    TokenCache::builder(endpoint(base, credentials))
        .policy(policy())
        .unwrap()
        .store(MemoryStore::new())
        .process(Process::new())
}

/// Requests the token in every way, and records the outcomes; returns the first error.
pub(crate) async fn exhibit(canary: &Canary, tokens: &TokenCache, base: &str) -> Option<String> {
    let own = canary.secret("the caller's own token");
    let asked = tokens.token();
    canary.debug(&asked);
    let first = match asked.await {
        Ok(token) => {
            canary.debug((&token, token.schedule(), tokens.peek()));
            canary.debug(CurrentToken(token));
            None
        }
        Err(error) => {
            canary.debug(Problem::from(&error));
            Some(canary.error(&error))
        }
    };
    let request = || {
        Request::get(format!("{base}/api/v0/payouts"))
            .header("authorization", format!("Basic {own}"))
            .header("proxy-authorization", format!("Basic {own}"))
            .body(Full::<Bytes>::default())
            .unwrap()
    };
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let layer = EnkashAuthLayer::new(tokens.clone());
    let calls = layer.clone().replay(ReplayPolicy::default());
    canary.debug((&layer, calls.layer(())));
    let calling = calls.layer(client).oneshot(request());
    if let Err(error) = calling.await {
        canary.debug(Problem::from(note(canary, error)));
    }

    let builder = Proxy::builder(tokens.clone(), base.parse().unwrap());
    canary.debug(&builder);
    let proxy = builder.build().unwrap();
    canary.debug(&proxy);
    let response = proxy.oneshot(request().map(Body::new)).await.unwrap();
    if response
        .headers()
        .get("content-type")
        .is_some_and(|it| it == "application/problem+json")
    {
        show(canary, response).await;
    }

    let app: Router = Router::new()
        .route(
            "/current",
            get(async |token: CurrentToken| format!("{token:?}")),
        )
        .merge(health::router(tokens.clone()))
        .with_state(tokens.clone());
    for path in ["/current", "/-/live", "/-/ready", "/-/status"] {
        let request = Request::get(path).header("authorization", &own);
        let request = request.body(Body::empty()).unwrap();
        show(canary, app.clone().oneshot(request).await.unwrap()).await;
    }
    tokens.record_gauges();
    canary.debug((tokens, tokens.status()));
    first
}

pub(crate) fn note(canary: &Canary, error: BoxError) -> BoxError {
    canary.error(&*error);
    error
}

async fn show(canary: &Canary, response: Response<Body>) {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body);
    canary.note("document", format!("{head:?} {body}"));
}

/// Creates a directory in memory if possible: a store on a busy disk would time out.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
