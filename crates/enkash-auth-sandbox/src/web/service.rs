use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::{Request, Response};
use tower_service::Service;

use super::router;
use crate::issuer::Issuer;

/// The sandbox without a socket: a tower service for in-memory tests.
///
/// Behaves like [`Sandbox`](crate::Sandbox) on the wire. Under a paused tokio clock its delays take no
/// time. If the sandbox would close the connection without a response, the call fails with
/// [`Disconnected`].
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
pub struct SandboxService(Router);

impl SandboxService {
    /// Creates a service over `issuer`.
    pub fn new(issuer: Issuer) -> Self {
        Self(router(issuer))
    }
}

impl<B> Service<Request<B>> for SandboxService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Disconnected;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Disconnected>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let response = self.0.call(request.map(Body::new));
        Box::pin(async {
            let Ok(response) = response.await;
            match response.extensions().get() {
                Some(Disconnected) => Err(Disconnected),
                None => Ok(response),
            }
        })
    }
}

/// The sandbox closed the connection without a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected;

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed without a response")
    }
}

impl std::error::Error for Disconnected {}
