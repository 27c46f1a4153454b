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
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, Origin, ReplayPolicy, TokenCache, internal,
    replay::NoReplay,
    select::{OneAccount, SelectAccount},
};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

#[cfg(feature = "client")]
use crate::client::Client;
use crate::{
    budget::Budget,
    idle_timeout::IdleTimeout,
    placeholder,
    problem::Problem,
    proxy_body::ProxyBody,
    rewrite::{self, Target},
    timed_body::TimedBody,
};

/// Forwards every request to one upstream, with a valid `Authorization: Bearer …`.
///
/// - A request is sent to the upstream's scheme and authority with its own path and query; nothing
///   else of its request line is used. `Host` is rewritten, `Authorization` replaced, and hop-by-hop
///   headers removed, also from the response. `CONNECT`, `TRACE` (its response would contain the
///   token), upgrades and transfer codings other than chunked get 501. An offer of cleartext HTTP/2
///   is ignored.
/// - A token request, in any spelling of its path, is not forwarded, and its credentials are dropped: its
///   response is a placeholder in the form of its dialect, with the token `enkash-sidecar` and a lifetime of
///   300 s. An unmodified client library works with it, and the real token never leaves the process.
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

/// How many connections the pool keeps: as many calls in flight reuse theirs.
#[cfg(feature = "client")]
const POOL_MAX_IDLE: usize = 1_024;

/// Less than servers keep theirs: gunicorn 2 s; node, uvicorn and Apache 5 s; nginx 75 s.
#[cfg(feature = "client")]
const POOL_IDLE_TIMEOUT: Duration = Duration::from_millis(1_500);

struct Inner {
    target: Target,
    budget: Budget,
    read_timeout: Duration,
    /// The token layer and everything inside it.
    calls: BoxCloneSyncService<Request<ProxyBody>, Response<Body>, BoxError>,
}

impl Proxy {
    /// Creates a builder of a proxy that sends requests to `upstream` with tokens from `tokens`,
    /// even if the token server has another origin.
    pub fn builder(tokens: TokenCache, upstream: Origin) -> ProxyBuilder {
        Self::with_layer(EnkashAuthLayer::new(tokens), upstream)
    }

    /// Creates a builder of a proxy that sends requests to `upstream` with what `layer` adds to them: the tokens of
    /// many accounts, say.
    pub fn with_layer<A>(layer: EnkashAuthLayer<NoReplay, A>, upstream: Origin) -> ProxyBuilder<A> {
        ProxyBuilder {
            layer,
            upstream,
            #[cfg(feature = "client")]
            egress: Egress::direct(),
            #[cfg(feature = "client")]
            pool_max_idle: POOL_MAX_IDLE,
            #[cfg(feature = "client")]
            pool_idle_timeout: POOL_IDLE_TIMEOUT,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(30),
        }
    }
}

impl Inner {
    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        self.target.decline_unsupported(&request)?;
        let (head, body) = request.into_parts();
        if internal::is_token_path(head.uri.path()) {
            tracing::debug!("token request of a caller: responding with a placeholder");
            return Ok(placeholder::respond(head.uri.path(), body).await);
        }
        let body = self.budget.take_in(self.timed(body)).await?;
        let request = self.target.request(head, body)?;
        let response = self.calls.clone().oneshot(request).await;
        rewrite::response(response.map_err(|error| failed(&error))?)
    }

    fn timed(&self, body: Body) -> Body {
        let why = "timed out reading the caller's request body";
        match body.is_end_stream() {
            true => body,
            false => Body::new(TimedBody::new(body, self.read_timeout, why)),
        }
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
    let (status, class) = (problem.status().as_u16(), problem.class());
    tracing::warn!(status, class, forwarded = ?problem.forwarded(), "call failed: {causes}");
    problem
}

/// Builds a [`Proxy`].
#[derive(Clone, Debug)]
#[must_use = "a builder builds nothing by itself"]
pub struct ProxyBuilder<A = OneAccount> {
    layer: EnkashAuthLayer<NoReplay, A>,
    upstream: Origin,
    #[cfg(feature = "client")]
    egress: Egress,
    #[cfg(feature = "client")]
    pool_max_idle: usize,
    #[cfg(feature = "client")]
    pool_idle_timeout: Duration,
    connect_timeout: Duration,
    read_timeout: Duration,
    response_timeout: Duration,
}

impl<A> ProxyBuilder<A> {
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

    /// Sets how many idle connections are kept. Default: 1,024. With fewer than calls in flight, some calls
    /// open one of their own. Ignored by [`build_with`](Self::build_with).
    #[cfg(feature = "client")]
    pub fn pool_max_idle(mut self, connections: usize) -> Self {
        self.pool_max_idle = connections;
        self
    }

    /// Sets how long an idle connection is kept. Default: 1.5 s, which is less than servers keep theirs
    /// (gunicorn 2 s, node 5 s): a POST on a connection that is being closed fails, and may or may not have
    /// arrived. Ignored by [`build_with`](Self::build_with).
    #[cfg(feature = "client")]
    pub fn pool_idle_timeout(mut self, limit: Duration) -> Self {
        self.pool_idle_timeout = limit;
        self
    }

    /// Sets how long the caller may take to send more of its request's body. Default: 30 s. A body of known length up
    /// to 64 KiB has 30 s in all.
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.read_timeout = limit;
        self
    }

    /// Sets how long the upstream may make no progress. Default: 30 s. Counts from the last progress
    /// of the request body to the response head, then for each frame of the response body. The waits
    /// for a token and for the caller do not count.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// Builds the proxy over the built-in HTTPS client: HTTP/1.1, rustls, no redirects.
    /// Connections are reused, but a streamed body of unknown length is sent on a new one. If a reused one
    /// turns out to be closed, a call whose method is idempotent (RFC 9110 section 9.2.2) and whose body is
    /// buffered is sent once more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](enkash_auth_tower::ErrorKind::InvalidSetting) if the
    /// upstream is not a valid address or TLS cannot be set up.
    #[cfg(feature = "client")]
    pub fn build(self) -> Result<Proxy, Error>
    where
        A: SelectAccount<Request<ProxyBody>, Response<Body>> + Clone + Send + Sync + 'static,
    {
        let connector = self.egress.connector(self.connect_timeout)?;
        let client = Client::new(connector, self.pool_max_idle, self.pool_idle_timeout);
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
        A: SelectAccount<Request<ProxyBody>, Response<Body>> + Clone + Send + Sync + 'static,
    {
        let target = Target::new(&self.upstream)?;
        let calls = self
            .layer
            .allow_origin(self.upstream)
            .replay(ReplayPolicy::default())
            .layer(IdleTimeout::new(client, self.response_timeout))
            .map_response(|response: Response<_>| response.map(Body::new));
        Ok(Proxy(Arc::new(Inner {
            target,
            budget: Budget::new(),
            read_timeout: self.read_timeout,
            calls: BoxCloneSyncService::new(calls),
        })))
    }
}
