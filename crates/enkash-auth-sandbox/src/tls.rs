use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::sandbox::CertificateAuthority;

/// Serves TLS, with a certificate that is created when the sandbox starts.
///
/// It is valid for `localhost`, `127.0.0.1`, `::1`, the listening address, and the names added here.
/// Clients have to trust the sandbox's [`CertificateAuthority`]. ALPN offers both versions of HTTP.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Sandbox, Tls};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::builder()
///     .tls(Tls::new().name("sandbox.test"))
///     .start()
///     .await?;
/// assert!(sandbox.base_url().starts_with("https://127.0.0.1:"));
/// let authority = sandbox.certificate_authority().map(|it| it.pem());
/// assert!(authority.is_some_and(|pem| pem.contains("BEGIN CERTIFICATE")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Tls {
    names: Vec<String>,
}

impl Tls {
    /// Creates TLS for the local names and addresses.
    pub fn new() -> Self {
        let names = ["localhost", "127.0.0.1", "::1"];
        Self {
            names: names.map(str::to_owned).into(),
        }
    }

    /// Adds a host name or an IP address to the certificate.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Creates the authority and the certificate.
    pub(crate) fn acceptor(self, addr: IpAddr) -> io::Result<(TlsAcceptor, CertificateAuthority)> {
        let names = self.name(addr.to_string()).names;
        let authority = authority().map_err(io::Error::other)?;
        let (certificate, key) = certificate(names, &authority).map_err(io::Error::other)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let trusted = CertificateAuthority {
            pem: authority.pem(),
            der: authority.der().to_vec(),
        };
        Ok((TlsAcceptor::from(Arc::new(config)), trusted))
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Result<Authority, rcgen::Error> {
    let mut params = named("enkash-sandbox, made for tests", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Authority::self_signed(params, KeyPair::generate()?)
}

fn certificate(
    names: Vec<String>,
    authority: &Authority,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut params = named("enkash-sandbox", names)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?, key))
}

fn named(name: &str, names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
