use std::{fmt, net::SocketAddr, pin::Pin, time::Duration};

use enkash_auth_tower::{BoxError, Error, ErrorKind};
use redis::{
    AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    aio::MultiplexedConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};

/// Limits the calls in flight of a runtime: a few milliseconds of work for the server.
pub(crate) const SLOTS: usize = 256;

/// Sets how long an address is tried alone, as RFC 8305 calls for.
const HEAD_START: Duration = Duration::from_millis(100);

pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The address of the server and its credentials. `Debug` shows no password.
pub(crate) struct Target {
    host: String,
    port: u16,
    login: RedisConnectionInfo,
    /// `None` for a plaintext connection.
    #[cfg(feature = "tls")]
    tls: Option<tls::Connector>,
}

impl Target {
    /// Parses a `redis://` or `rediss://` URL; the latter trusts the certificates in `pem` beside the
    /// Mozilla roots. Errors do not repeat the URL, because it may contain a password.
    pub(crate) fn new(url: &str, pem: &[u8]) -> Result<Self, Error> {
        let unusable = |why| Error::new(ErrorKind::InvalidSetting, format!("redis address: {why}"));
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        match scheme {
            "redis" => {}
            "rediss" if cfg!(feature = "tls") => {}
            "rediss" => return Err(unusable("rediss:// needs the feature tls")),
            _ => return Err(unusable("neither redis:// nor rediss://")),
        }
        if rest.contains('#') {
            return Err(unusable("must not have a fragment"));
        }
        let info = format!("redis://{rest}")
            .into_connection_info()
            .map_err(|_| unusable("not host, port and database number"))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(unusable("not a host and a port"));
        };
        #[cfg(feature = "tls")]
        let connector = tls::connector(pem)?;
        #[cfg(not(feature = "tls"))]
        let _ = pem;
        Ok(Self {
            host: host.clone(),
            port: *port,
            login: info.redis_settings().clone(),
            #[cfg(feature = "tls")]
            tls: (scheme == "rediss").then_some(connector),
        })
    }

    /// Connects and logs in. Returns the connection, and what drives it.
    pub(crate) async fn dial(&self) -> Result<(MultiplexedConnection, Driver), BoxError> {
        let stream = connect(lookup_host((self.host.as_str(), self.port)).await?).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let name = self.host.clone().try_into()?;
            return self.log_in(tls.connect(name, stream).await?).await;
        }
        self.log_in(stream).await
    }

    async fn log_in(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(MultiplexedConnection, Driver), BoxError> {
        // `Link` applies the timeouts.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            // No call waits to be sent.
            .set_pipeline_buffer_size(SLOTS);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
        Ok((connection, Box::pin(driver)))
    }
}

/// Connects to the first of `addresses` that responds. The next one is also tried after [`HEAD_START`], so that
/// a dead one delays the call, and does not fail it.
async fn connect(addresses: impl Iterator<Item = SocketAddr>) -> Result<TcpStream, BoxError> {
    let mut connecting = JoinSet::new();
    let mut failed = "the name of redis has no address".into();
    for address in addresses {
        connecting.spawn(TcpStream::connect(address));
        match timeout(HEAD_START, connecting.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failed = error.into(),
            Ok(_) | Err(_) => {}
        }
    }
    while let Some(connected) = connecting.join_next().await {
        match connected? {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error.into(),
        }
    }
    Err(failed)
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "tls")]
        let is_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let is_tls = false;
        f.debug_struct("Target")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("is_tls", &is_tls)
            .field("database", &self.login.db())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tls")]
mod tls {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    };

    use super::{BoxError, Error, ErrorKind};

    pub(super) type Connector = tokio_rustls::TlsConnector;

    /// Creates a connector with its own crypto provider, because the process may have installed none.
    pub(super) fn connector(pem: &[u8]) -> Result<Connector, Error> {
        config(pem)
            .map(|config| Arc::new(config).into())
            .map_err(|why| {
                Error::new(ErrorKind::InvalidSetting, "certificates for redis").with_source(why)
            })
    }

    fn config(pem: &[u8]) -> Result<ClientConfig, BoxError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        // A byte order mark would hide the line that it begins.
        let pem = String::from_utf8_lossy(pem).replace('\u{feff}', "");
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem.as_bytes())) {
            // The parser's error would quote the file, which may also hold a key.
            let certificate = certificate
                .map_err(|_| format!("certificate {number}, or what precedes it, is not PEM"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("certificate {number} is broken: {error}"))?;
        }
        Ok(
            ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth(),
        )
    }
}

#[cfg(test)]
#[path = "../tests/unit/target.rs"]
mod tests;
