//! A small client for tests: requests as values, responses read to their end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, Bytes, HttpBody};
use enkash_auth_sandbox::{Clock, Issuer, Rules, SandboxService};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::ServiceExt;

pub(crate) const KEYS: &str = r#"{"accessKey":"access-key","secretKey":"secret-key"}"#;
/// `client-id:client-secret`
pub(crate) const BASIC: &str = "Basic Y2xpZW50LWlkOmNsaWVudC1zZWNyZXQ=";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const RIGHT: &str = "grant_type=password&username=user%40example.com&password=password";
pub(crate) const WRONG: &str = "grant_type=password&username=user%40example.com&password=guess";
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) struct FullResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl FullResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("a header of text")
    }

    pub(crate) fn token(&self) -> String {
        let token = &self.json()["access_token"];
        token.as_str().expect("a token in shape B").to_owned()
    }
}

/// An issuer whose clock stands at [`START`].
pub(crate) fn issuer(rules: Rules) -> Issuer {
    Issuer::builder().rules(rules).clock(manual_clock()).build()
}

pub(crate) fn manual_clock() -> Clock {
    Clock::manual(UNIX_EPOCH + Duration::from_secs(START))
}

pub(crate) async fn send(issuer: &Issuer, request: Request<Body>) -> FullResponse {
    let service = SandboxService::new(issuer.clone());
    let response = service.oneshot(request).await.expect("a response");
    let (parts, body) = response.into_parts();
    FullResponse {
        status: parts.status,
        headers: parts.headers,
        body: body
            .collect()
            .await
            .expect("a whole body")
            .to_bytes()
            .to_vec(),
    }
}

pub(crate) fn form(fields: &str) -> Request<Body> {
    Request::post("/oauth/token")
        .header(AUTHORIZATION, BASIC)
        .header(CONTENT_TYPE, FORM)
        .body(fields.to_owned().into())
        .unwrap()
}

pub(crate) fn merchant(body: &'static str) -> Request<Body> {
    Request::post("/api/v0/merchant/token")
        .header(CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

pub(crate) fn api(token: &str) -> Request<Body> {
    Request::get("/api/v0/cards?page=2")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap()
}

/// A body fed by a channel.
pub(crate) fn channel() -> (UnboundedSender<Bytes>, ChannelBody) {
    let (sender, receiver) = unbounded_channel();
    (sender, ChannelBody(receiver))
}

pub(crate) struct ChannelBody(UnboundedReceiver<Bytes>);

impl HttpBody for ChannelBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.0.poll_recv(cx);
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

/// Waits for a condition that other tasks fulfil; panics if they never do.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, wait)
        .await
        .expect("the condition");
}

pub(crate) fn control(method: Method, path: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("/-/sandbox{path}"))
        .body(body.to_owned().into())
        .unwrap()
}

pub(crate) async fn token(issuer: &Issuer) -> String {
    send(issuer, form(RIGHT)).await.token()
}
