use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, NotSent};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::Service;

use super::{Lost, answer_body::AnswerBody};
use crate::body::ProxyBody;

/// Waits for an answer as long as the request's body moves, and then no longer than `limit`; so
/// too for each piece of the answer's body.
#[derive(Clone, Debug)]
pub(crate) struct Patience<S> {
    inner: S,
    limit: Duration,
}

impl<S> Patience<S> {
    pub(crate) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<S, B> Service<Request<ProxyBody>> for Patience<S>
where
    S: Service<Request<ProxyBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Lost;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Lost>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        self.inner
            .poll_ready(cx)
            .map_err(|error| Lost::NotReady(NotSent::new(error).into()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> Self::Future {
        let limit = self.limit;
        let progress = request.body().progress().clone();
        progress.touch();
        let answer = self.inner.call(request);
        Box::pin(async move {
            match progress.watch(limit, answer).await {
                Some(Ok(response)) => {
                    Ok(response.map(|body| Body::new(AnswerBody::new(body, limit))))
                }
                Some(Err(error)) => Err(Lost::Failed(error.into())),
                None => Err(Lost::Unanswered),
            }
        })
    }
}
