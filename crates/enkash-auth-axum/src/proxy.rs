//! The authenticating reverse proxy.
//!
//! A request is refused or rewritten, gets its token from the layer below, and leaves through the
//! upstream's client. What comes back is rewritten too; what fails is a [`Problem`].

use std::{
    convert::Infallible,
    fmt, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
#[cfg(feature = "client")]
use enkash_auth_tower::Egress;
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache,
    core::{Error, Origin},
};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

#[cfg(feature = "client")]
use crate::client::Client;
use crate::{
    budget::Budget,
    patience::Patience,
    problem::Problem,
    proxy_body::ProxyBody,
    rewrite::{self, Target},
};

/// How long a connection to the upstream may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the upstream may keep silent.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Forwards every request to one upstream, with a valid `Authorization: Bearer …`.
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
/// Dropping the future ends the call; the upstream may have acted on it. A fetch of a token goes on.
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

struct Inner {
    target: Target,
    budget: Budget,
    /// From the token layer downwards.
    calls: BoxCloneSyncService<Request<ProxyBody>, Response<Body>, BoxError>,
}

impl Proxy {
    /// Builds a proxy to `upstream` that takes its tokens from `tokens`. The token goes there, whatever
    /// address the tokens come from.
    pub fn builder(tokens: TokenCache, upstream: Origin) -> ProxyBuilder {
        ProxyBuilder {
            tokens,
            upstream,
            #[cfg(feature = "client")]
            egress: Egress::direct(),
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
        }
    }
}

impl Inner {
    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        rewrite::refuse_unsupported(&request)?;
        let (head, body) = request.into_parts();
        let body = self.budget.take_in(body).await?;
        let request = self.target.request(head, body)?;
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

/// Builds a [`Proxy`].
#[derive(Clone, Debug)]
#[must_use = "a builder builds nothing by itself"]
pub struct ProxyBuilder {
    tokens: TokenCache,
    upstream: Origin,
    #[cfg(feature = "client")]
    egress: Egress,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl ProxyBuilder {
    /// Sets the way to the upstream. Default: straight there, trusting the Mozilla roots. The token is asked for
    /// on a way of its own: see
    /// [`TokenEndpoint::with_egress`](enkash_auth_tower::TokenEndpoint::with_egress). A client of
    /// one's own goes its own way.
    #[cfg(feature = "client")]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// Sets how long a connection to the upstream may take, name, TCP, a proxy's tunnel and TLS. Default: 5 s.
    /// Of a call that fails for it nothing left. A client of one's own has a limit of its own.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets how long the upstream may keep silent. Default: 30 s. Counted from when the request's body last
    /// moved until the head of the answer is there, then for each piece of its body. The wait for
    /// a token is not counted.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Builds the proxy over an HTTPS client of our own: HTTP/1.1, rustls with ring, no
    /// redirects. Its connections are kept and used again, but a body of unknown length
    /// goes on one of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](enkash_auth_tower::core::ErrorKind::InvalidSetting): the
    /// upstream cannot be addressed, or TLS not be set up.
    #[cfg(feature = "client")]
    pub fn build(self) -> Result<Proxy, Error> {
        let client = Client::new(&self.egress, self.connect_timeout)?;
        self.build_with(client)
    }

    /// Builds the proxy over `client`. A call whose token the upstream refused is sent once more with
    /// another one, where its body was collected and the first provably did nothing.
    ///
    /// It must not follow redirects, nor send a body of unknown length on a kept connection whose
    /// last answer was HTTP/1.0: hyper drops it. An error of its own that proves that nothing was
    /// sent, it wraps in [`NotSent`](enkash_auth_tower::NotSent); of hyper-util's client that is
    /// known.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    pub fn build_with<S, B>(self, client: S) -> Result<Proxy, Error>
    where
        S: Service<Request<ProxyBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let target = Target::new(&self.upstream)?;
        let calls = EnkashAuthLayer::new(self.tokens)
            .allow_origin(self.upstream)
            .replay(ReplayPolicy::default())
            .layer(Patience::new(client, self.response_timeout));
        Ok(Proxy(Arc::new(Inner {
            target,
            budget: Budget::new(),
            calls: BoxCloneSyncService::new(calls),
        })))
    }
}
