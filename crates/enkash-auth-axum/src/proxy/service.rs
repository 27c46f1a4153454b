use std::{
    convert::Infallible,
    fmt, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body, response::IntoResponse};
use enkash_auth_tower::{
    BoxError, TokenCache,
    core::{Error, Origin},
};
use http::{Request, Response, StatusCode};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};

use super::{ProxyBuilder, refuse, rewrite, target::Target};
use crate::{
    body::{Budget, ProxyBody, Uncollected},
    problem::{Forwarded, Problem},
};

/// A token on anybody's calls: a service that forwards every request to one upstream, with a valid
/// `Authorization: Bearer …`.
///
/// - A request goes to the upstream's scheme and authority with its own path and query; nothing
///   else of its request line counts. `Host` is rewritten, `Authorization` replaced, and what is
///   about one connection only removed, on the way back too. `CONNECT`, `TRACE` (it would bring the
///   token back), upgrades and transfer codings other than chunked get 501. An offer of HTTP/2 in the
///   clear is ignored.
/// - Bodies stream, each way no faster than the other end takes them. A request's body of known
///   length up to 64 KiB is collected, up to 16 MiB in all requests together: it can be cloned,
///   see [`ProxyBody`].
/// - A call that fails is a [`Problem`] with status 502, 503 or 504, and says whether the request
///   was forwarded.
///
/// Cheap to clone; clones share everything.
///
/// # Panics
///
/// Its future, outside a tokio runtime or in one whose timers are disabled.
///
/// # Cancel safety
///
/// Dropping the future ends the call, and nobody knows whether the upstream has acted on it. A fetch of a
/// token goes on.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use enkash_auth_axum::{Proxy, live, ready, status};
/// use enkash_auth_axum::tower::core::{Credentials, Environment};
/// use enkash_auth_axum::tower::{TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::new(Environment::Test, keys)?;
/// let upstream = endpoint.base_url().origin().clone();
/// let tokens = TokenCache::new(endpoint);
///
/// let app: Router = Router::new()
///     .route("/-/live", get(live))
///     .route("/-/ready", get(ready))
///     .route("/-/status", get(status))
///     .with_state(tokens.clone())
///     .fallback_service(Proxy::builder(tokens, upstream).build()?);
/// # Ok::<(), enkash_auth_axum::tower::core::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

/// From the token layer downwards.
pub(super) type Calls = BoxCloneSyncService<Request<ProxyBody>, Response<Body>, BoxError>;

struct Inner {
    target: Target,
    budget: Budget,
    calls: Calls,
}

impl Proxy {
    /// A proxy to `upstream` that takes its tokens from `tokens`. The token goes there, whatever
    /// address the tokens come from.
    pub fn builder(tokens: TokenCache, upstream: Origin) -> ProxyBuilder {
        ProxyBuilder::new(tokens, upstream)
    }

    pub(super) fn new(upstream: &Origin, calls: Calls) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            target: Target::new(upstream)?,
            budget: Budget::new(),
            calls,
        })))
    }
}

impl Inner {
    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        refuse::unsupported(&request)?;
        let (head, body) = request.into_parts();
        let body = self.budget.take_in(body).await.map_err(uncollected)?;
        let request = rewrite::request(head, body, &self.target)?;
        let answer = self.calls.clone().oneshot(request).await;
        rewrite::response(answer.map_err(|error| failed(&error))?)
    }
}

impl Service<Request<Body>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    /// Always ready: what may keep a call waiting has limits of its own.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let forwarded = inner.forward(request).await;
            Ok(forwarded.unwrap_or_else(IntoResponse::into_response))
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("target", &self.0.target)
            .finish_non_exhaustive()
    }
}

fn uncollected(why: Uncollected) -> Problem {
    let (status, detail) = match why {
        Uncollected::Broken => (StatusCode::BAD_REQUEST, "the request's body broke off"),
        Uncollected::Slow => (
            StatusCode::REQUEST_TIMEOUT,
            "the request's body took too long",
        ),
    };
    Problem::new(status, Forwarded::No).detail(detail)
}

/// The log gets the causes, the caller what it means. The address is in neither: a query may hold
/// anything.
fn failed(error: &BoxError) -> Problem {
    let problem = Problem::of_call(error);
    let causes = iter::successors(error.source(), |&error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    let status = problem.status().as_u16();
    tracing::warn!(status, forwarded = ?problem.forwarded(), "call failed: {causes}");
    problem
}
