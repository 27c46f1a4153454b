use std::sync::Arc;

use enkash_auth_tower::{BoxError, Error, ErrorKind};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Which certificates are trusted, and which one is shown.
#[derive(Clone)]
pub(crate) struct Tls {
    roots: Arc<RootCertStore>,
    connector: TlsConnector,
}

impl Tls {
    /// Trusts the certificates in `pem` beside the Mozilla roots.
    pub(crate) fn trusting(pem: &[u8]) -> Result<Self, Error> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let trusted = certificates(pem).and_then(|certificates| {
            for (number, certificate) in (1..).zip(certificates) {
                roots
                    .add(certificate)
                    .map_err(|error| format!("certificate {number} is broken: {error}"))?;
            }
            Self::new(Arc::new(roots), None)
        });
        trusted.map_err(|why| unusable("certificates for redis", why))
    }

    /// Shows the certificate in `chain`, whose key is in `key`.
    pub(crate) fn showing(&self, chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let shown = certificates(chain).and_then(|chain| {
            // The parser's error would quote the file.
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the key is not PEM")?;
            Self::new(Arc::clone(&self.roots), Some((chain, key)))
        });
        shown.map_err(|why| unusable("client certificate for redis", why))
    }

    fn new(
        roots: Arc<RootCertStore>,
        shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<Self, BoxError> {
        let config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&roots));
        let config = match shown {
            Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
            None => config.with_no_client_auth(),
        };
        let connector = Arc::new(config).into();
        Ok(Self { roots, connector })
    }

    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, BoxError> {
        let name = ServerName::try_from(host.to_owned())?;
        Ok(self.connector.connect(name, stream).await?)
    }
}

/// Returns the crypto provider that the process has installed, or ring.
fn provider() -> Result<Arc<CryptoProvider>, BoxError> {
    let installed = CryptoProvider::get_default().cloned();
    #[cfg(feature = "ring")]
    let installed = installed.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
    let missing = "no crypto provider: install one by rustls' `CryptoProvider::install_default`, or enable the \
                   feature `ring`";
    installed.ok_or_else(|| missing.into())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    // A byte order mark would hide the line that it begins.
    let pem = String::from_utf8_lossy(pem).replace('\u{feff}', "");
    let numbered = (1..).zip(CertificateDer::pem_slice_iter(pem.as_bytes()));
    // The parser's error would quote the file, which may also hold a key.
    let unreadable = |number| format!("certificate {number}, or what precedes it, is not PEM");
    numbered
        .map(|(number, certificate)| certificate.map_err(|_| unreadable(number).into()))
        .collect()
}

fn unusable(what: &str, why: BoxError) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("{what}: {why}"))
}
