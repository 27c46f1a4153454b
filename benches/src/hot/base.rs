//! The minimum cost.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, header::AUTHORIZATION};
use http_body_util::Empty;
use tower::{Layer, Service, util::BoxCloneSyncService};
use tower_http::set_header::SetRequestHeaderLayer;

use super::{Factory, composed, kept};
use crate::request::{Call, token};

/// Returns an empty response immediately.
#[derive(Clone, Debug)]
pub struct Bare;

impl Service<Call> for Bare {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Call) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Empty::new())))
    }
}

/// Only inserts a ready header, its name by reference.
#[derive(Clone, Debug)]
pub struct Insert<S> {
    inner: S,
    header: HeaderValue,
}

impl<S> Insert<S> {
    /// Wraps `inner`, with a header that is shared by a count.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            header: ready_header(),
        }
    }

    /// Wraps `inner`, with a header that nothing counts and nothing frees: the floor.
    fn leaked(inner: S) -> Self {
        let text = format!("Bearer {}", token(0)).leak();
        let mut header = HeaderValue::from_static(text);
        header.set_sensitive(true);
        Self { inner, header }
    }
}

impl<S> Service<Call> for Insert<S>
where
    S: Service<Call>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    // Always: it is what others are compared with.
    #[inline(always)]
    fn call(&mut self, mut request: Call) -> S::Future {
        request
            .headers_mut()
            .insert(&AUTHORIZATION, self.header.clone());
        self.inner.call(request)
    }
}

/// Returns the header of a token.
#[expect(clippy::expect_used, reason = "a constant, known to be good")]
pub fn ready_header() -> HeaderValue {
    let mut header = HeaderValue::from_maybe_shared(Bytes::from(format!("Bearer {}", token(0))))
        .expect("a token of digits");
    header.set_sensitive(true);
    header
}

pub(super) fn bare() -> Factory {
    Box::new(|| kept(Bare))
}

pub(super) fn insert() -> Factory {
    let service = Insert::new(Bare);
    Box::new(move || kept(service.clone()))
}

pub(super) fn leaked() -> Factory {
    let service = Insert::leaked(Bare);
    Box::new(move || kept(service.clone()))
}

/// Puts the service without a token in the box that `boxed` puts ours in.
pub(super) fn only_boxed() -> Factory {
    let service = BoxCloneSyncService::new(Insert::new(Bare));
    Box::new(move || kept(service.clone()))
}

pub(super) fn set_request_header() -> Factory {
    let service = SetRequestHeaderLayer::overriding(AUTHORIZATION, ready_header()).layer(Bare);
    Box::new(move || kept(service.clone()))
}

pub(super) fn stack() -> Factory {
    let service = composed::around(Insert::new(Bare));
    Box::new(move || kept(service.clone()))
}
