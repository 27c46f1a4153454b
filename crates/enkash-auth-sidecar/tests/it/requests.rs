//! Requests to a sidecar by its address.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::process::Sidecar;

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct FullResponse {
    pub(crate) status: StatusCode,
    pub(crate) head: Response<()>,
    pub(crate) body: Bytes,
}

impl FullResponse {
    pub(crate) async fn read(response: Result<Response<hyper::body::Incoming>, Error>) -> Self {
        let (head, body) = response.unwrap().into_parts();
        Self {
            status: head.status,
            body: body.collect().await.unwrap().to_bytes(),
            head: Response::from_parts(head, ()),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Asserts that the response is a problem, and returns its `forwarded`.
    pub(crate) fn forwarded(&self) -> Value {
        let content_type = &self.head.headers()[CONTENT_TYPE];
        assert_eq!(content_type, "application/problem+json", "{self:?}");
        self.json()["forwarded"].clone()
    }
}

pub(crate) fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(crate) async fn get(sidecar: &Sidecar, path: &str) -> FullResponse {
    let url = format!("http://{}{path}", sidecar.address());
    let request = Request::get(url).body(Full::default()).unwrap();
    FullResponse::read(client().request(request).await).await
}

/// Makes one call.
pub(crate) async fn call(sidecar: &Sidecar) -> FullResponse {
    get(sidecar, "/api/v0/any").await
}

/// Waits until a call is served, on any machine; returns how long that took.
pub(crate) async fn until_served(sidecar: &Sidecar) -> Duration {
    const LIMIT: Duration = Duration::from_secs(60);
    let start = Instant::now();
    loop {
        let response = call(sidecar).await;
        if response.status == StatusCode::OK {
            break;
        }
        let why = String::from_utf8_lossy(&response.body);
        assert!(start.elapsed() < LIMIT, "not served after {LIMIT:?}: {why}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}
