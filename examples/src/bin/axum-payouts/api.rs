use std::time::Duration;

use bytes::Bytes;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache, TokenRetry};
use http::{Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy, rt::TokioExecutor};
use serde::Serialize;
use tower::{ServiceBuilder, ServiceExt, retry::RetryLayer, util::BoxCloneSyncService};

type Calls = BoxCloneSyncService<Request<Full<Bytes>>, http::Response<Incoming>, BoxError>;

/// A client for the part of EnKash's API that this service needs.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    payouts: Uri,
    calls: Calls,
}

impl Api {
    /// Creates a client for the API at `base`. From the outermost layer inwards: a timeout for the whole
    /// call, a retry if there was no token, the token, and a concurrency limit, which calls waiting for
    /// a token do not count towards.
    pub(crate) fn new(tokens: TokenCache, base: &str) -> Result<Self, BoxError> {
        let client = legacy::Client::builder(TokioExecutor::new()).build_http();
        let calls = ServiceBuilder::new()
            .timeout(Duration::from_secs(20))
            .layer(RetryLayer::new(TokenRetry::new()))
            .layer(EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default()))
            .concurrency_limit(64)
            .service(client);
        Ok(Self {
            payouts: format!("{base}/api/v0/payouts").parse()?,
            calls: BoxCloneSyncService::new(calls),
        })
    }

    /// Makes the payout in `order`, and returns the status of the API's response.
    pub(crate) async fn pay(&self, order: &impl Serialize) -> Result<StatusCode, BoxError> {
        let request = Request::post(self.payouts.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(serde_json::to_vec(order)?))?;
        let (head, body) = self.calls.clone().oneshot(request).await?.into_parts();
        // A connection is free for the next call once its response has been read.
        body.collect().await?;
        Ok(head.status)
    }
}
