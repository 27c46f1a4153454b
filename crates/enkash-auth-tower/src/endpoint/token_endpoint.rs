use std::{fmt, sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, BaseUrl, Credentials, Environment, TokenRequest};
use http::HeaderValue;
use tokio::time::Instant;
use tracing::{Instrument, field::Empty};

use super::{
    TokenServer, TokenService,
    exchange::{Exchanged, Failure, MaySend},
};
#[cfg(feature = "client")]
use crate::Egress;
use crate::{Error, time::Time};

/// Holds where the tokens of one account come from: a [`TokenServer`], and credentials.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::{Client, Credentials, Environment, TokenEndpoint, User};
///
/// let credentials = Credentials::password(
///     Client::new("client-id", "client-secret"),
///     User::new("user@example.com", "password"),
/// );
/// let endpoint = TokenEndpoint::new(Environment::Test, credentials)?;
/// assert_eq!(endpoint.base_url().as_str(), "https://ekpayout-uat.enkash.in");
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenEndpoint(Arc<Inner>);

struct Inner {
    server: TokenServer,
    access_key: Option<Box<HeaderValue>>,
    account: AccountKey,
    credentials: Credentials,
}

impl TokenEndpoint {
    /// Creates an endpoint of `environment` over an HTTPS client of our own: HTTP/1.1, rustls and the
    /// Mozilla roots, no proxy, no redirects. Each request has a connection of its own, made within 3 s, which are
    /// divided among the addresses of the server's name. Endpoints share the TLS configuration and its sessions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting) for credentials that cannot be sent; the text
    /// names the setting. Without the feature `ring`, also if the process has installed no crypto provider.
    #[cfg(feature = "client")]
    pub fn new(
        environment: impl Into<Environment>,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        Self::of(TokenServer::new(environment)?, credentials)
    }

    /// Creates an endpoint whose client connects through `egress`: through a proxy, or trusting more than
    /// the Mozilla roots. The 3 s are for all of it, from the proxy's name to TLS with the token server;
    /// a proxy that fails, or hangs, has seen no password.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    #[cfg(feature = "client")]
    pub fn with_egress(
        environment: impl Into<Environment>,
        credentials: Credentials,
        egress: &Egress,
    ) -> Result<Self, Error> {
        Self::of(TokenServer::with_egress(environment, egress)?, credentials)
    }

    /// Creates an endpoint over `service`.
    ///
    /// It must neither follow redirects nor retry by itself (reqwest: `redirect::Policy::none()` and
    /// `retry::never()`): each try is a password attempt, and three may lock the account. Its errors, which
    /// are logged and passed on, must hold no secret; wrap one that happened before anything was sent in
    /// [`NotSent`](crate::NotSent). A pool inside it keeps its connections: see
    /// [`with_service_factory`](Self::with_service_factory).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_service(
        environment: impl Into<Environment>,
        credentials: Credentials,
        service: impl TokenService + Clone + Sync,
    ) -> Result<Self, Error> {
        Self::of(
            TokenServer::with_service(environment, service)?,
            credentials,
        )
    }

    /// Creates an endpoint over services that `make` makes: for the first request, for one on another
    /// runtime than the last, and after one without a response.
    ///
    /// A pooled connection belongs to the runtime that opened it. When that runtime is no longer
    /// driven, a fetch over its connections hangs.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_service_factory<S: TokenService + Clone + Sync>(
        environment: impl Into<Environment>,
        credentials: Credentials,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::of(
            TokenServer::with_service_factory(environment, make)?,
            credentials,
        )
    }

    fn of(server: TokenServer, credentials: Credentials) -> Result<Self, Error> {
        server.of(credentials.is_merchant())?.endpoint(credentials)
    }

    pub(super) fn build(server: TokenServer, credentials: Credentials) -> Result<Self, Error> {
        TokenRequest::new(server.base_url(), &credentials)?;
        Ok(Self(Arc::new(Inner {
            access_key: credentials.access_key().map(Box::new),
            account: credentials.account(server.base_url()),
            credentials,
            server,
        })))
    }

    /// Returns the address of the token server.
    pub fn base_url(&self) -> &BaseUrl {
        self.0.server.base_url()
    }

    /// Returns the account that tokens are fetched for.
    pub fn account(&self) -> AccountKey {
        self.0.account
    }

    /// Returns whether `other` is of the same account with the same credentials.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let print = |endpoint: &Self| endpoint.credentials().fingerprint([0; 16]);
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.account == other.0.account && print(self) == print(other)
    }

    /// Returns the access key of merchant keys.
    pub(crate) fn access_key(&self) -> Option<&HeaderValue> {
        self.0.access_key.as_deref()
    }

    pub(crate) fn server(&self) -> &TokenServer {
        &self.0.server
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Sends the credentials and reads the response: see [`Exchange::exchange`]. Its span has the fields of an HTTP
    /// client in OpenTelemetry's semantic conventions.
    pub(crate) async fn exchange(
        &self,
        clock: Time,
        deadline: Instant,
        may_send: MaySend<'_>,
    ) -> Result<Exchanged, Failure> {
        let request = TokenRequest::new(self.base_url(), self.credentials())
            .map_err(|error| Failure::NotSent(error.into()))?;
        let target = request.target();
        let span = tracing::info_span!(
            "token_request",
            otel.kind = "client",
            otel.name = "POST",
            http.request.method = "POST",
            http.response.status_code = Empty,
            url.full = %target,
            server.address = target.host(),
            server.port = target.port_u16().unwrap_or(match target.scheme_str() {
                Some("http") => 80,
                _ => 443,
            }),
            "error.type" = Empty,
        );
        let exchange = self.0.server.exchange();
        let exchanging = exchange.exchange(request, clock, deadline, may_send);
        let exchanged = exchanging.instrument(span.clone()).await;
        match &exchanged {
            Ok(exchanged) => {
                let status = exchanged.response.status();
                span.record("http.response.status_code", status.as_u16());
                if !status.is_success() {
                    span.record("error.type", status.as_str());
                }
            }
            Err(Failure::NotSent(_)) => {
                span.record("error.type", "not_sent");
            }
            Err(Failure::NoResponse(_)) => {
                span.record("error.type", "no_response");
            }
        }
        exchanged
    }

    /// Returns whether the server responds at all: see [`TokenRequest::probe`].
    pub(crate) async fn probe(&self, limit: Duration) -> bool {
        match TokenRequest::probe(self.base_url(), self.credentials()) {
            Ok(request) => self.0.server.exchange().probe(request, limit).await,
            Err(_) => false,
        }
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("base_url", &self.base_url().as_str())
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}
