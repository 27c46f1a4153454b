//! The authenticating reverse proxy.
//!
//! A request is declined or rewritten, gets its token from the inner layer, and is sent by the
//! upstream's client. The response is rewritten too; a failure becomes a [`Problem`].

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
use enkash_auth_tower::{BoxError, EnkashAuthLayer, Error, Origin, ReplayPolicy, TokenCache};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

#[cfg(feature = "client")]
use crate::client::Client;
use crate::{
    budget::Budget,
    idle_timeout::IdleTimeout,
    problem::Problem,
    proxy_body::ProxyBody,
    rewrite::{self, Target},
};

/// Forwards every request to one upstream, with a valid `Authorization: Bearer …`.
///
/// - A request is sent to the upstream's scheme and authority with its own path and query; nothing
///   else of its request line is used. `Host` is rewritten, `Authorization` replaced, and hop-by-hop
///   headers removed, also from the response. `CONNECT`, `TRACE` (its response would contain the
///   token), upgrades and transfer codings other than chunked get 501. An offer of cleartext HTTP/2
///   is ignored.
/// - Bodies stream with backpressure in both directions. A request body of known length up to 64 KiB
///   is buffered, up to 16 MiB in all requests together, so that it can be cloned: see
///   [`ProxyBody`].
/// - A failed call returns a [`Problem`] with status 502, 503 or 504, which states whether the
///   request was forwarded.
///
/// Cheap to clone; clones share everything.
///
/// # Panics
///
/// The future panics outside a tokio runtime or in one whose timers are disabled.
///
/// # Cancel safety
///
/// Dropping the future ends the call; the upstream may have acted on it. A token fetch continues.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use enkash_auth_axum::{Credentials, Environment, Proxy, TokenCache, TokenEndpoint, health};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::new(Environment::Test, keys)?;
/// let upstream = endpoint.base_url().origin().clone();
/// let tokens = TokenCache::new(endpoint);
///
/// let probes: Router = health::router(tokens.clone());
/// let app = probes.fallback_service(Proxy::builder(tokens, upstream).build()?);
/// # drop(app);
/// # Ok::<(), enkash_auth_axum::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    target: Target,
    budget: Budget,
    /// The token layer and everything inside it.
    calls: BoxCloneSyncService<Request<ProxyBody>, Response<Body>, BoxError>,
}

impl Proxy {
    /// Creates a builder of a proxy that sends requests to `upstream` with tokens from `tokens`,
    /// even if the token server has another origin.
    pub fn builder(tokens: TokenCache, upstream: Origin) -> ProxyBuilder {
        ProxyBuilder {
            tokens,
            upstream,
            #[cfg(feature = "client")]
            egress: Egress::direct(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
        }
    }
}

impl Inner {
    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        rewrite::decline_unsupported(&request)?;
        let (head, body) = request.into_parts();
        let body = self.budget.take_in(body).await?;
        let request = self.target.request(head, body)?;
        let response = self.calls.clone().oneshot(request).await;
        rewrite::response(response.map_err(|error| failed(&error))?)
    }
}

impl Service<Request<Body>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    /// Always ready: each wait of a call has its own limit.
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

/// Logs the causes and returns the problem. Neither contains the URL: its query may be sensitive.
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
    /// Sets the route to the upstream. Default: direct, trusting the Mozilla roots. Token requests
    /// have their own:
    /// [`TokenEndpoint::with_egress`](enkash_auth_tower::TokenEndpoint::with_egress). Ignored by
    /// [`build_with`](Self::build_with).
    #[cfg(feature = "client")]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// Sets how long connecting to the upstream may take: DNS, TCP, a proxy's tunnel and TLS.
    /// Default: 5 s. A call that exceeds it was not sent. Ignored by [`build_with`](Self::build_with).
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets how long the upstream may make no progress. Default: 30 s. Counts from the last progress
    /// of the request body to the response head, then for each frame of the response body. The wait
    /// for a token does not count.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Builds the proxy over the built-in HTTPS client: HTTP/1.1, rustls with ring, no redirects.
    /// Connections are reused, but a body of unknown length is sent on a new one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](enkash_auth_tower::ErrorKind::InvalidSetting) if the
    /// upstream is not a valid address or TLS cannot be set up.
    #[cfg(feature = "client")]
    pub fn build(self) -> Result<Proxy, Error> {
        let client = Client::new(&self.egress, self.connect_timeout)?;
        self.build_with(client)
    }

    /// Builds the proxy over `client`. A call that was unauthorized is replayed once with another
    /// token if its body was buffered and the first attempt provably did nothing.
    ///
    /// The client must not follow redirects, nor send a body of unknown length on a reused connection
    /// whose last response was HTTP/1.0: hyper drops it. It wraps errors that prove that nothing was
    /// sent in [`NotSent`](enkash_auth_tower::NotSent); those of hyper-util's client are recognized.
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
            .layer(IdleTimeout::new(client, self.response_timeout))
            .map_response(|response: Response<_>| response.map(Body::new));
        Ok(Proxy(Arc::new(Inner {
            target,
            budget: Budget::new(),
            calls: BoxCloneSyncService::new(calls),
        })))
    }
}
