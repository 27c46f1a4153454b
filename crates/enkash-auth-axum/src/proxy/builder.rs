use std::time::Duration;

use bytes::Bytes;
#[cfg(feature = "client")]
use enkash_auth_tower::Egress;
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache,
    core::{Error, Origin},
};
use http::{Request, Response};
use http_body::Body;
use tower::{Layer, Service, util::BoxCloneSyncService};

use super::Proxy;
use crate::{body::ProxyBody, upstream::Patience};

/// How long a connection to the upstream may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the upstream may keep silent.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a [`Proxy`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_axum::Proxy;
/// use enkash_auth_axum::tower::core::{Credentials, Environment};
/// use enkash_auth_axum::tower::{TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let proxy = Proxy::builder(tokens, "https://pay-uat.enkash.in".parse()?)
///     .response_timeout(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), enkash_auth_axum::tower::core::Error>(())
/// ```
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
    pub(super) fn new(tokens: TokenCache, upstream: Origin) -> Self {
        Self {
            tokens,
            upstream,
            #[cfg(feature = "client")]
            egress: Egress::direct(),
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
        }
    }

    /// The way to the upstream: straight there, trusting the Mozilla roots. The token is asked for
    /// on a way of its own: see
    /// [`TokenEndpoint::with_egress`](enkash_auth_tower::TokenEndpoint::with_egress). A client of
    /// one's own goes its own way.
    #[cfg(feature = "client")]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// How long a connection to the upstream may take, name, TCP, a proxy's tunnel and TLS: 5 s. Of a call that
    /// fails for it nothing left. A client of one's own has a limit of its own.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long the upstream may keep silent: 30 s. Counted from when the request's body last
    /// moved until the head of the answer is there, then for each piece of its body. The wait for
    /// a token is not counted.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// The proxy, over an HTTPS client of our own: HTTP/1.1, rustls with ring, no
    /// redirects. Its connections are kept and used again, but a body of unknown length
    /// goes on one of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](enkash_auth_tower::core::ErrorKind::InvalidSetting): the
    /// upstream cannot be addressed, or TLS not be set up.
    #[cfg(feature = "client")]
    pub fn build(self) -> Result<Proxy, Error> {
        let client = crate::upstream::Client::new(&self.egress, self.connect_timeout)?;
        self.build_with(client)
    }

    /// The proxy, over `client`. A call whose token the upstream refused is sent once more with
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
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let calls = EnkashAuthLayer::new(self.tokens)
            .allow_origin(self.upstream.clone())
            .replay(ReplayPolicy::default())
            .layer(Patience::new(client, self.response_timeout));
        Proxy::new(&self.upstream, BoxCloneSyncService::new(calls))
    }
}
