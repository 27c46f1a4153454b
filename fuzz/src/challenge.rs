//! The challenge of an API's 401 response, and whether the call is replayed.
//!
//! ```text
//! Basic realm="a, b", Bearer error="invalid_token"
//! Negotiate YWJj==
//! ```
//!
//! A line is a `WWW-Authenticate` header of the response to a POST. Headers that follow the grammar
//! (RFC 9110 section 11.6.1) are also parsed here, strictly.

mod grammar;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use enkash_auth_tower::{EnkashAuthLayer, ReplayPolicy};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::{BodyExt, Full};
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};

use crate::issuer;

const URL: &str = "https://olympus-pg-uat.enkash.in/payouts";

thread_local! {
    static RUNTIME: Runtime = issuer::runtime();
}

/// Checks that a call is replayed exactly if a challenge has `invalid_token` or `expired_token`, independent
/// of other challenges.
pub fn check(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    let is_sent_again = is_unauthorized_call_sent_again(&headers);
    match grammar::says_invalid_token(&headers) {
        Some(expected) => assert_eq!(is_sent_again, expected, "{headers:?}"),
        None => assert!(!is_sent_again || has_the_words(&headers), "{headers:?}"),
    }
    headers.append(
        "x-more",
        HeaderValue::from_static("Bearer error=invalid_token"),
    );
    headers.append(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"x\""),
    );
    let is_still = is_unauthorized_call_sent_again(&headers);
    assert_eq!(is_still, is_sent_again, "{headers:?}");
}

/// Returns whether a scheme and a code that would do occur in one header, in any form.
fn has_the_words(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).replace('\\', "");
        let has_code = ["invalid_token", "expired_token"]
            .iter()
            .any(|code| text.contains(code));
        text.to_ascii_lowercase().contains("bearer") && has_code
    })
}

fn is_unauthorized_call_sent_again(headers: &HeaderMap) -> bool {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    *response.headers_mut() = headers.clone();
    is_sent_again(&response)
}

/// Returns whether a POST is sent a second time after `response`, and checks that the caller gets that
/// as it is.
pub(crate) fn is_sent_again(response: &Response<Bytes>) -> bool {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = {
        let (calls, response) = (Arc::clone(&calls), response.clone());
        service_fn(move |request: Request<Full<Bytes>>| {
            assert!(request.headers().contains_key("authorization"));
            calls.fetch_add(1, Ordering::Relaxed);
            let response = response.clone().map(Full::new);
            async move { Ok::<_, Infallible>(response) }
        })
    };
    RUNTIME.with(|runtime| {
        // A new cache each time, because a cache fetches only for a few 401s.
        let tokens = issuer::tokens();
        let layer = EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default());
        let request = Request::post(URL).body(Full::from("a payment"));
        let call = layer
            .layer(service)
            .oneshot(request.expect("it is a request"));
        runtime.block_on(async {
            let passed = call.await.expect("there is a response");
            assert_eq!(passed.status(), response.status());
            let body = passed.into_body().collect().await.expect("it is read");
            assert_eq!(body.to_bytes(), response.body(), "{response:?}");
        });
    });
    match calls.load(Ordering::Relaxed) {
        1 => false,
        2 => true,
        calls => panic!("{calls} calls"),
    }
}
