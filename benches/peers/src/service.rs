//! A header that somebody comes to, put on a request.

use std::{
    convert::Infallible,
    future::Ready,
    pin::Pin,
    task::{Context, Poll},
};

use enkash_auth_benches::{hot::Bare, request::Call};
use http::{HeaderValue, Response, header::AUTHORIZATION};
use tower::{BoxError, Service};

/// Around [`Bare`]; `header` is async, as most are, and so its future is boxed.
#[derive(Clone)]
pub(crate) struct Awaiting<H>(pub(crate) H);

impl<H, F> Service<Call> for Awaiting<H>
where
    H: FnMut() -> F,
    F: Future<Output = Result<HeaderValue, BoxError>> + Send + 'static,
{
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<()>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Call) -> Self::Future {
        let header = (self.0)();
        Box::pin(async move {
            request.headers_mut().insert(AUTHORIZATION, header.await?);
            let Ok(response) = Bare.call(request).await;
            Ok(response)
        })
    }
}

/// Around [`Bare`]; `header` is at hand, so nothing is boxed.
#[derive(Clone)]
pub(crate) struct AtHand<H>(pub(crate) H);

impl<H> Service<Call> for AtHand<H>
where
    H: FnMut() -> Option<HeaderValue>,
{
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Call) -> Self::Future {
        if let Some(header) = (self.0)() {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Bare.call(request)
    }
}

/// A header of a token, as one makes it for each request.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, BoxError> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Runs to its end where a runtime has been entered, but no task is being run.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Handle::current().block_on(future)
}
