use std::{fmt, sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, BaseUrl, Credentials, Environment, TokenRequest};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

use super::{
    TokenRequestBody, TokenServer,
    exchange::{Exchanged, Failure, MaySend},
};
#[cfg(feature = "client")]
use crate::Egress;
use crate::{BoxError, Error, account_credentials::AccountCredentials, time::Time};

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
    access_key: Option<HeaderValue>,
    account: AccountCredentials,
}

impl TokenEndpoint {
    /// Creates an endpoint of `environment` over an HTTPS client of our own: HTTP/1.1, rustls with ring and
    /// the Mozilla roots, no proxy, no redirects. Each request has a connection of its own, made within
    /// 3 s, which are divided among the addresses of the server's name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting) for credentials that cannot be sent; the text
    /// names the setting.
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
    pub fn with_service<S, B>(
        environment: impl Into<Environment>,
        credentials: Credentials,
        service: S,
    ) -> Result<Self, Error>
    where
        S: Service<Request<TokenRequestBody>, Response = Response<B>>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
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
    pub fn with_service_factory<S, B>(
        environment: impl Into<Environment>,
        credentials: Credentials,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Self, Error>
    where
        S: Service<Request<TokenRequestBody>, Response = Response<B>>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
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
            access_key: credentials.access_key(),
            account: AccountCredentials::new(server.base_url(), credentials),
            server,
        })))
    }

    /// Returns the address of the token server.
    pub fn base_url(&self) -> &BaseUrl {
        self.0.server.base_url()
    }

    /// Returns the account that tokens are fetched for.
    pub fn account(&self) -> AccountKey {
        self.0.account.key()
    }

    pub(crate) fn account_credentials(&self) -> &AccountCredentials {
        &self.0.account
    }

    /// Returns the access key of merchant keys.
    pub(crate) fn access_key(&self) -> Option<&HeaderValue> {
        self.0.access_key.as_ref()
    }

    pub(crate) fn server(&self) -> &TokenServer {
        &self.0.server
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        self.0.account.credentials()
    }

    /// Sends the credentials and reads the response: see [`Exchange::exchange`].
    pub(crate) async fn exchange(
        &self,
        clock: Time,
        deadline: Instant,
        may_send: MaySend<'_>,
    ) -> Result<Exchanged, Failure> {
        let request = TokenRequest::new(self.base_url(), self.credentials())
            .map_err(|error| Failure::NotSent(error.into()))?;
        let exchange = self.0.server.exchange();
        exchange.exchange(request, clock, deadline, may_send).await
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
