use std::{
    fs::File,
    io,
    io::Read,
    path::Path,
    sync::{Arc, LazyLock, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{Error, ErrorKind};

/// Limits a CA file. All that Mozilla trusts is some 220 KiB.
const MAX_FILE: u64 = 4 * 1024 * 1024;

static MOZILLA: LazyLock<Roots> = LazyLock::new(|| {
    let store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Roots(Arc::new(Inner {
        store: Arc::new(store),
        #[cfg(feature = "rustls-platform-verifier")]
        added: Vec::new(),
        #[cfg(feature = "rustls-platform-verifier")]
        is_platform: false,
        tls: OnceLock::new(),
    }))
});

/// Holds what is trusted, and the TLS configuration with it.
///
/// Clones share that configuration, and so the sessions that it resumes.
#[derive(Clone)]
pub struct Roots(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    /// The Mozilla roots, and what was added.
    store: Arc<RootCertStore>,
    #[cfg(feature = "rustls-platform-verifier")]
    added: Vec<CertificateDer<'static>>,
    /// Whether the operating system verifies, by its own roots and what was added.
    #[cfg(feature = "rustls-platform-verifier")]
    is_platform: bool,
    /// Made when it is needed.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Roots {
    pub fn mozilla() -> Self {
        MOZILLA.clone()
    }

    /// Leaves it to the operating system what to trust beside what was, or will be, added.
    #[cfg(feature = "rustls-platform-verifier")]
    pub fn platform(&mut self) {
        self.changed().is_platform = true;
    }

    /// Adds the certificates of the file that the setting `name` names.
    pub fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        let pem = read(path)
            .map_err(|error| unusable(name, "the file cannot be read").with_source(error))?;
        self.add(name, &pem)
    }

    /// Adds the certificates in `pem`; other content is skipped. An error says which one it is about.
    pub fn add(&mut self, name: &str, pem: &[u8]) -> Result<(), Error> {
        let inner = self.changed();
        let store = Arc::make_mut(&mut inner.store);
        let before = store.len();
        // A byte order mark would hide the line that it begins; files are appended to one another.
        let pem = String::from_utf8_lossy(pem).replace('\u{feff}', "");
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem.as_bytes())) {
            // The parser's error would quote the file, which may also hold a key.
            let certificate = certificate.map_err(|_| {
                let why = format!("certificate {number}, or what precedes it, is not PEM");
                unusable(name, &why)
            })?;
            #[cfg(feature = "rustls-platform-verifier")]
            inner.added.push(certificate.clone());
            store.add(certificate).map_err(|error| {
                unusable(name, &format!("certificate {number} is broken")).with_source(error)
            })?;
        }
        if store.len() == before {
            return Err(unusable(name, "holds no certificate in PEM"));
        }
        Ok(())
    }

    /// Returns the TLS configuration, with the crypto provider that the process had when it was first needed.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(tls) = self.0.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let provider = provider(CryptoProvider::get_default().cloned(), built_in())?;
        let tls = self.configure(provider);
        let tls = tls.map_err(|error| unusable("tls", "cannot be set up").with_source(error))?;
        Ok(Arc::clone(self.0.tls.get_or_init(|| Arc::new(tls))))
    }

    fn configure(&self, provider: Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        #[cfg(feature = "rustls-platform-verifier")]
        if self.0.is_platform {
            let added = self.0.added.iter().cloned();
            let verifier =
                rustls_platform_verifier::Verifier::new_with_extra_roots(added, provider)?;
            return Ok(config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth());
        }
        let config = config.with_root_certificates(Arc::clone(&self.0.store));
        Ok(config.with_no_client_auth())
    }

    /// Returns what is to be changed, without a configuration of what it was before.
    fn changed(&mut self) -> &mut Inner {
        let inner = Arc::make_mut(&mut self.0);
        inner.tls = OnceLock::new();
        inner
    }
}

/// Returns the provider that the process has installed, or the one that the features have brought.
fn provider(
    installed: Option<Arc<CryptoProvider>>,
    built_in: Option<CryptoProvider>,
) -> Result<Arc<CryptoProvider>, Error> {
    let provider = installed.or_else(|| built_in.map(Arc::new));
    provider.ok_or_else(|| {
        let why = "no crypto provider: install one by rustls' `CryptoProvider::install_default`, or enable the \
                   feature `ring`";
        unusable("tls", why)
    })
}

#[cfg(feature = "ring")]
fn built_in() -> Option<CryptoProvider> {
    Some(rustls::crypto::ring::default_provider())
}

#[cfg(not(feature = "ring"))]
fn built_in() -> Option<CryptoProvider> {
    None
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(pem)
}

fn unusable(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("{name}: {why}"))
}

#[cfg(test)]
#[path = "../../tests/unit/roots.rs"]
mod tests;
