use std::{fmt, sync::Arc, time::Duration};

use enkash_auth_core::{AccountKey, BaseUrl, Credentials, Environment, Origin, TokenRequest};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

#[cfg(feature = "client")]
use super::https::{CONNECT_TIMEOUT, HttpsClient};
use super::{
    TokenRequestBody,
    exchange::{Exchange, Exchanged, Failure, MaySend, Plug},
    per_runtime::PerRuntime,
};
#[cfg(feature = "client")]
use crate::Egress;
use crate::{BoxError, Error, ErrorKind, account_credentials::AccountCredentials, time::Time};

/// Holds where tokens come from: an address, credentials, and the HTTP service that carries the requests.
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
    access_key: Option<HeaderValue>,
    base: BaseUrl,
    account: AccountCredentials,
    exchange: Arc<dyn Exchange>,
}

impl TokenEndpoint {
    /// Creates an endpoint of `environment` over an HTTPS client of our own: HTTP/1.1, rustls with ring and
    /// the Mozilla roots, no proxy, no redirects. Each request has a connection of its own, made within
    /// 3 s, which are divided among the addresses of the server's name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for credentials that cannot be sent; the text names the setting.
    #[cfg(feature = "client")]
    pub fn new(
        environment: impl Into<Environment>,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        Self::with_egress(environment, credentials, &Egress::direct())
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
        let base = environment.into().base_url(&credentials)?;
        let request = TokenRequest::new(&base, &credentials)?.into_http();
        let target = request.uri().clone();
        let connector = egress.connector(CONNECT_TIMEOUT)?;
        let exchange = Plug(move || HttpsClient::new(connector.clone(), target.clone()));
        Self::build(base, credentials, Arc::new(exchange))
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
        let base = environment.into().base_url(&credentials)?;
        Self::build(base, credentials, Arc::new(Plug(move || service.clone())))
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
        let base = environment.into().base_url(&credentials)?;
        let exchange = PerRuntime::new(move || {
            let service = make();
            Arc::new(Plug(move || service.clone()))
        });
        Self::build(base, credentials, Arc::new(exchange))
    }

    fn build(
        base: BaseUrl,
        credentials: Credentials,
        exchange: Arc<dyn Exchange>,
    ) -> Result<Self, Error> {
        TokenRequest::new(&base, &credentials)?;
        Ok(Self(Arc::new(Inner {
            access_key: credentials.access_key(),
            account: AccountCredentials::new(&base, credentials),
            exchange,
            base,
        })))
    }

    /// Creates an endpoint of the same server and service, with other credentials.
    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Result<Self, Error> {
        if credentials.is_merchant() != self.credentials().is_merchant() {
            let detail = "credentials: merchant keys and passwords do not replace each other";
            return Err(Error::new(ErrorKind::InvalidSetting, detail));
        }
        let exchange = Arc::clone(&self.0.exchange);
        Self::build(self.0.base.clone(), credentials, exchange)
    }

    /// Returns the address of the token server.
    pub fn base_url(&self) -> &BaseUrl {
        &self.0.base
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

    pub(crate) fn origin(&self) -> &Origin {
        self.0.base.origin()
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
        let request = TokenRequest::new(&self.0.base, self.credentials())
            .map_err(|error| Failure::NotSent(error.into()))?;
        let exchange = &self.0.exchange;
        exchange.exchange(request, clock, deadline, may_send).await
    }

    /// Returns whether the server responds at all: see [`TokenRequest::probe`].
    pub(crate) async fn probe(&self, limit: Duration) -> bool {
        match TokenRequest::probe(&self.0.base, self.credentials()) {
            Ok(request) => self.0.exchange.probe(request, limit).await,
            Err(_) => false,
        }
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("base_url", &self.0.base.as_str())
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}
