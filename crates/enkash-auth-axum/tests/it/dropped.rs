//! Calls dropped at each await: the next call is served as if they had never been made.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use enkash_auth_axum::{Proxy, ProxyBody};
use enkash_auth_tower::{BoxError, replay::ReplayBody};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::task::yield_now;
use tokio_test::task;
use tower::{ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};

use crate::support::{call, proxy_over};

/// The largest body that is buffered.
const LARGEST: usize = 64 * 1024;

/// More clients than the budget has room for.
const MANY: usize = 16 * 1024 * 1024 / LARGEST + 1;

/// A body of known length in two frames, each delayed after it was polled.
struct Slow {
    pieces: usize,
    is_asked: bool,
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.pieces == 0 {
            return Poll::Ready(None);
        }
        self.is_asked = !self.is_asked;
        if self.is_asked {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pieces -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; LARGEST / 2])))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.pieces * LARGEST / 2) as u64)
    }
}

fn request() -> Request<Body> {
    let body = Body::new(Slow {
        pieces: 2,
        is_asked: false,
    });
    Request::post("/").body(body).unwrap()
}

/// A client that sends one call at a time, with a delay, and returns whether its body was buffered.
fn proxy() -> Proxy {
    let calls = tower::service_fn(async |request: Request<ProxyBody>| {
        let is_collected = request.body().try_clone().is_some();
        yield_now().await;
        let length = request.into_body().collect().await?.to_bytes().len();
        assert_eq!(length, LARGEST);
        Ok::<_, BoxError>(Response::new(Body::from(is_collected.to_string())))
    });
    let one = ConcurrencyLimitLayer::new(1);
    proxy_over(ServiceBuilder::new().layer(one).service(calls))
}

/// Drops the calls of `MANY` clients after `awaits` awaits each; returns whether they had ended before.
async fn dropped(proxy: &Proxy, awaits: usize) -> bool {
    let mut has_ended = false;
    for _ in 0..MANY {
        let mut call = task::spawn(proxy.clone().oneshot(request()));
        let mut waited = 0;
        has_ended = loop {
            if call.poll().is_ready() {
                break true;
            }
            if waited == awaits {
                break false;
            }
            waited += 1;
            while !call.is_woken() {
                yield_now().await;
            }
        };
    }
    has_ended
}

#[tokio::test]
async fn dropped_call_releases_permit_and_budget() {
    let mut awaits = 0;
    loop {
        let proxy = proxy();
        let has_ended = dropped(&proxy, awaits).await;
        let response = call(&proxy, request()).await;
        assert_eq!(response.status(), 200, "dropped at await {awaits}");
        let is_collected = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(is_collected, "true", "dropped at await {awaits}");
        if has_ended {
            break;
        }
        awaits += 1;
    }
    assert_eq!(awaits, 3, "two pieces of the body, and the upstream");
}

#[tokio::test]
async fn response_dropped_half_read_blocks_no_other_call() {
    let calls = tower::service_fn(async |_| {
        let body = Body::new(Slow {
            pieces: 2,
            is_asked: false,
        });
        Ok::<_, BoxError>(Response::new(body))
    });
    let one = ConcurrencyLimitLayer::new(1);
    let proxy = proxy_over(ServiceBuilder::new().layer(one).service(calls));
    for _ in 0..3 {
        let mut body = call(&proxy, request()).await.into_body();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.data_ref().unwrap().len(), LARGEST / 2);
    }
}
