//! The issuer as a tower service that can also fail as a connection does.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::router;
use crate::issuer::Issuer;

/// The sandbox without a socket: a service from requests to responses, for tests in memory.
///
/// Behaves as [`Sandbox`](crate::Sandbox) does on the wire, and under a paused tokio clock its
/// delays take no time. Where the sandbox would close the connection without an answer, the call
/// fails with [`Disconnected`].
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Issuer, SandboxService};
/// use http::{Request, StatusCode};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let issuer = Issuer::default();
/// let service = SandboxService::new(issuer.clone());
///
/// let request = Request::post("/oauth/token")
///     .header("authorization", "Basic Y2xpZW50LWlkOmNsaWVudC1zZWNyZXQ=")
///     .header("content-type", "application/x-www-form-urlencoded")
///     .body("grant_type=password&username=user%40example.com&password=password".to_owned())
///     .unwrap();
/// let response = service.oneshot(request).await.unwrap();
///
/// assert_eq!(response.status(), StatusCode::OK);
/// assert_eq!(issuer.counters().grants, 1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SandboxService {
    router: Router,
}

impl SandboxService {
    /// A service over `issuer`.
    #[must_use]
    pub fn new(issuer: Issuer) -> Self {
        Self {
            router: router(issuer),
        }
    }
}

impl<B> Service<Request<B>> for SandboxService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Disconnected;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        ResponseFuture {
            inner: self.router.call(request.map(Body::new)),
        }
    }
}

pin_project! {
    /// The future of [`SandboxService`].
    ///
    /// # Examples
    ///
    /// ```
    /// use enkash_auth_sandbox::{Issuer, ResponseFuture, SandboxService};
    /// use http::Request;
    /// use tower::Service;
    ///
    /// let mut service = SandboxService::new(Issuer::default());
    /// let future: ResponseFuture = service.call(Request::new(String::new()));
    /// # drop(future);
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture {
        #[pin]
        inner: RouteFuture<std::convert::Infallible>,
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Disconnected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(self.project().inner.poll(cx));
        if response.extensions().get::<Disconnected>().is_some() {
            return Poll::Ready(Err(Disconnected::new()));
        }
        Poll::Ready(Ok(response))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// The sandbox closed the connection and gave no answer.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::Disconnected;
///
/// fn is_disconnect(error: &(dyn std::error::Error + 'static)) -> bool {
///     error.is::<Disconnected>()
/// }
/// # let _ = is_disconnect;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnected {
    _private: (),
}

impl Disconnected {
    pub(crate) fn new() -> Self {
        Self { _private: () }
    }
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed without an answer")
    }
}

impl std::error::Error for Disconnected {}
