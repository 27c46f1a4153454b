use std::{fmt, sync::Arc};

use enkash_auth_core::{BaseUrl, Credentials, Environment};

#[cfg(feature = "client")]
use super::https::{CONNECT_TIMEOUT, HttpsClient};
use super::{
    TokenEndpoint, TokenService,
    exchange::{Exchange, Plug},
    per_runtime::PerRuntime,
};
#[cfg(feature = "client")]
use crate::Egress;
use crate::{Error, ErrorKind};

/// Holds the address of the token server, and the HTTP service that carries the requests, for any number of
/// accounts.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::{Credentials, Environment, TokenServer};
///
/// let server = TokenServer::new(Environment::Test)?.for_merchants()?;
/// let one = server.endpoint(Credentials::merchant("access-key-1", "secret-key-1"))?;
/// let other = server.endpoint(Credentials::merchant("access-key-2", "secret-key-2"))?;
/// assert_eq!(one.base_url(), other.base_url());
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenServer(Arc<Inner>);

struct Inner {
    environment: Environment,
    is_for_merchants: bool,
    base: BaseUrl,
    exchange: Arc<dyn Exchange>,
}

impl TokenServer {
    /// Creates a server of `environment` over an HTTPS client of our own: see [`TokenEndpoint::new`].
    ///
    /// # Errors
    ///
    /// As for [`with_egress`](Self::with_egress).
    #[cfg(feature = "client")]
    pub fn new(environment: impl Into<Environment>) -> Result<Self, Error> {
        Self::with_egress(environment, &Egress::direct())
    }

    /// Creates a server whose client connects through `egress`: see [`TokenEndpoint::with_egress`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for settings of the `egress` that
    /// cannot be used; the text names them.
    #[cfg(feature = "client")]
    pub fn with_egress(
        environment: impl Into<Environment>,
        egress: &Egress,
    ) -> Result<Self, Error> {
        let connector = egress.connector(CONNECT_TIMEOUT)?;
        let make =
            Plug(move |target: &_| HttpsClient::new(connector.clone(), Clone::clone(target)));
        Self::build(environment, make)
    }

    /// Creates a server over `service`: see [`TokenEndpoint::with_service`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for an address that cannot be used.
    pub fn with_service(
        environment: impl Into<Environment>,
        service: impl TokenService + Clone + Sync,
    ) -> Result<Self, Error> {
        Self::build(environment, Plug(move |_: &_| service.clone()))
    }

    /// Creates a server over services that `make` makes: see [`TokenEndpoint::with_service_factory`].
    ///
    /// # Errors
    ///
    /// As for [`with_service`](Self::with_service).
    pub fn with_service_factory<S: TokenService + Clone + Sync>(
        environment: impl Into<Environment>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let exchange = PerRuntime::new(move || {
            let service = make();
            Arc::new(Plug(move |_: &_| service.clone()))
        });
        Self::build(environment, exchange)
    }

    fn build(
        environment: impl Into<Environment>,
        exchange: impl Exchange + 'static,
    ) -> Result<Self, Error> {
        let environment = environment.into();
        Ok(Self(Arc::new(Inner {
            base: environment.base_url_for(false)?,
            is_for_merchants: false,
            environment,
            exchange: Arc::new(exchange),
        })))
    }

    /// Sets that the accounts have merchant keys, for which EnKash has a server of its own. By default they have a
    /// user and a password.
    ///
    /// # Errors
    ///
    /// As for [`with_service`](Self::with_service).
    pub fn for_merchants(self) -> Result<Self, Error> {
        self.of(true)
    }

    pub(super) fn of(self, merchants: bool) -> Result<Self, Error> {
        let environment = self.0.environment.clone();
        Ok(Self(Arc::new(Inner {
            base: environment.base_url_for(merchants)?,
            is_for_merchants: merchants,
            environment,
            exchange: Arc::clone(&self.0.exchange),
        })))
    }

    /// Creates the endpoint of one account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for credentials that cannot be sent, or not to this server; the text
    /// names the setting.
    pub fn endpoint(&self, credentials: Credentials) -> Result<TokenEndpoint, Error> {
        if credentials.is_merchant() != self.0.is_for_merchants {
            let detail = "credentials: merchant keys and passwords do not replace each other; a server of accounts \
                          with merchant keys is made with `TokenServer::for_merchants`";
            return Err(Error::new(ErrorKind::InvalidSetting, detail));
        }
        TokenEndpoint::build(self.clone(), credentials)
    }

    /// Returns whether the accounts have merchant keys.
    pub(crate) fn is_for_merchants(&self) -> bool {
        self.0.is_for_merchants
    }

    /// Returns the address.
    pub fn base_url(&self) -> &BaseUrl {
        &self.0.base
    }

    pub(super) fn exchange(&self) -> &dyn Exchange {
        &*self.0.exchange
    }
}

impl fmt::Debug for TokenServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenServer")
            .field("base_url", &self.0.base.as_str())
            .finish_non_exhaustive()
    }
}
