use std::{fmt, sync::Arc};

use bytes::Bytes;
use enkash_auth_core::{
    AccountId, BaseUrl, Credentials, Environment, Error, ErrorKind, Origin, TokenRequest,
};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::runtime::Id;
use tower_service::Service;

#[cfg(feature = "client")]
use super::https;
use super::{
    exchange::{Exchange, Plug},
    transport::Transport,
};
#[cfg(feature = "client")]
use crate::Egress;
use crate::{BoxError, store::Principal};

/// Where tokens come from: an address, credentials, and the HTTP service that carries the requests.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Client, Credentials, Environment, User};
/// use enkash_auth_tower::TokenEndpoint;
///
/// let credentials = Credentials::password(
///     Client::new("client-id", "client-secret"),
///     User::new("user@example.com", "password"),
/// );
/// let endpoint = TokenEndpoint::new(Environment::Test, credentials)?;
/// assert_eq!(endpoint.base_url().as_str(), "https://ekpayout-uat.enkash.in");
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenEndpoint(Arc<Inner>);

struct Inner {
    base: BaseUrl,
    principal: Principal,
    transport: Arc<Transport>,
}

impl TokenEndpoint {
    /// The token server of `environment`, asked over an HTTPS client of our own: HTTP/1.1, rustls
    /// with ring and the Mozilla roots, 3 s for a connection, straight there, no redirects.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](enkash_auth_core::ErrorKind::InvalidSetting) for credentials
    /// that cannot be sent; the text names the setting.
    #[cfg(feature = "client")]
    pub fn new(
        environment: impl Into<Environment>,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        Self::with_egress(environment, credentials, &Egress::direct())
    }

    /// The same, asked the way that `egress` leads: through a proxy, or trusting more than the
    /// Mozilla roots. The 3 s are for all of it, from the proxy's name to TLS with the token server;
    /// a proxy that refuses, or hangs, has seen no password.
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
        let connector = egress.connector(https::CONNECT_TIMEOUT)?;
        Self::with_service_factory(environment, credentials, move || {
            https::client(connector.clone())
        })
    }

    /// The same, asked over `service`.
    ///
    /// It must neither follow redirects nor try again by itself (reqwest: `redirect::Policy::none()` and
    /// `retry::never()`): each try is a password attempt, and three may lock the account. Its errors, which
    /// are logged and handed on, must hold no secret; one that happened before anything was sent says so
    /// with [`NotSent`](crate::NotSent). A pool inside it keeps its connections: see
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
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        Self::with_service_factory(environment, credentials, move || service.clone())
    }

    /// The same, asked over what `make` makes: for the first fetch, for one on another runtime than
    /// the last, and after one that never ended.
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
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let base = environment.into().base_url(&credentials)?;
        TokenRequest::new(&base, &credentials)?;
        let transport = Transport::new(move || Arc::new(Plug(make())) as Arc<dyn Exchange>);
        Ok(Self(Arc::new(Inner {
            principal: Principal::new(&base, credentials),
            transport: Arc::new(transport),
            base,
        })))
    }

    /// The same server, asked over the same service, with other credentials.
    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Result<Self, Error> {
        if credentials.is_merchant() != self.credentials().is_merchant() {
            let detail = "credentials: merchant keys and passwords do not replace each other";
            return Err(Error::new(ErrorKind::InvalidSetting, detail));
        }
        TokenRequest::new(&self.0.base, &credentials)?;
        Ok(Self(Arc::new(Inner {
            principal: Principal::new(&self.0.base, credentials),
            transport: Arc::clone(&self.0.transport),
            base: self.0.base.clone(),
        })))
    }

    /// The address of the token server.
    pub fn base_url(&self) -> &BaseUrl {
        &self.0.base
    }

    /// The account that tokens are asked for.
    pub fn account(&self) -> AccountId {
        self.0.principal.account()
    }

    /// Who asks for tokens, as a store sees it.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    pub(crate) fn origin(&self) -> &Origin {
        self.0.base.origin()
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        self.0.principal.credentials()
    }

    /// The service for one attempt on `runtime`. `in_doubt`: the flight before did not end well.
    pub(crate) fn service(&self, runtime: Id, in_doubt: bool) -> Arc<dyn Exchange> {
        self.0.transport.get(runtime, in_doubt)
    }

    /// The request for a token: one password attempt.
    pub(crate) fn request(&self) -> Result<TokenRequest, Error> {
        TokenRequest::new(&self.0.base, self.credentials())
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
