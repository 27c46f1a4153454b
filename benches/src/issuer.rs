//! An in-memory token server that counts requests.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use tokio::runtime::Builder;
use tower::service_fn;

use crate::request::token;

/// The outcome of a fetch.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Grant,
    Fail,
}

/// Every token is different. Clones share the count.
#[derive(Clone, Debug)]
pub struct Issuer {
    behaviour: Behaviour,
    latency: Duration,
    fetches: Arc<AtomicU64>,
}

impl Issuer {
    /// Creates an issuer that grants a token after `latency`.
    pub fn granting(latency: Duration) -> Self {
        Self {
            behaviour: Behaviour::Grant,
            latency,
            fetches: Arc::default(),
        }
    }

    /// Creates an issuer that fails after `latency`, such that a cache should not retry immediately.
    pub fn failing(latency: Duration) -> Self {
        Self {
            behaviour: Behaviour::Fail,
            ..Self::granting(latency)
        }
    }

    /// Returns the number of requests.
    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }

    /// Returns a token, or none, after the latency.
    pub async fn token(&self) -> Option<String> {
        let number = self.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.latency).await;
        match self.behaviour {
            Behaviour::Grant => Some(token(number)),
            Behaviour::Fail => None,
        }
    }

    /// Returns the HTTP response. Without a token it has a `Retry-After` of one second.
    pub async fn answer(self) -> Result<Response<Full<Bytes>>, Infallible> {
        let mut response = Response::new(Full::default());
        if let Some(token) = self.token().await {
            let body =
                format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":3600}}"#);
            *response.body_mut() = Full::from(body);
        } else {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Ok(response)
    }

    /// Returns the token endpoint.
    #[expect(clippy::expect_used, reason = "fixed settings, known to be good")]
    pub fn endpoint(&self) -> TokenEndpoint {
        let credentials = Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new("user@example.com", "password"),
        );
        let issuer = self.clone();
        let service = service_fn(move |_| issuer.clone().answer());
        TokenEndpoint::with_service(Environment::Test, credentials, service)
            .expect("settings that can be sent")
    }

    /// Returns a cold cache.
    pub fn cache(&self) -> TokenCache {
        TokenCache::new(self.endpoint())
    }

    /// Returns a cache with a token. Call it outside a runtime.
    #[expect(clippy::expect_used, reason = "an issuer that grants")]
    pub fn warm_cache(&self) -> TokenCache {
        let tokens = self.cache();
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(tokens.warm_up()).expect("a token");
        tokens
    }
}
