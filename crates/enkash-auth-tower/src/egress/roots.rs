use std::{fs::File, io, io::Read, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{Error, ErrorKind};

/// Limits a CA file. All that Mozilla trusts is some 220 KiB.
const MAX_FILE: u64 = 4 * 1024 * 1024;

pub fn mozilla() -> RootCertStore {
    RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned())
}

/// Adds the certificates of the file that the setting `name` names.
pub fn add_file(roots: &mut RootCertStore, name: &str, path: &Path) -> Result<(), Error> {
    let pem =
        read(path).map_err(|error| unusable(name, "the file cannot be read").with_source(error))?;
    add(roots, name, &pem)
}

/// Adds the certificates in `pem`; other content is skipped. An error says which one it is about.
pub fn add(roots: &mut RootCertStore, name: &str, pem: &[u8]) -> Result<(), Error> {
    let before = roots.len();
    // A byte order mark would hide the line that it begins; files are appended to one another.
    let pem = String::from_utf8_lossy(pem).replace('\u{feff}', "");
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem.as_bytes())) {
        // The parser's error would quote the file, which may also hold a key.
        let certificate = certificate.map_err(|_| {
            let why = format!("certificate {number}, or what precedes it, is not PEM");
            unusable(name, &why)
        })?;
        roots.add(certificate).map_err(|error| {
            unusable(name, &format!("certificate {number} is broken")).with_source(error)
        })?;
    }
    if roots.len() == before {
        return Err(unusable(name, "holds no certificate in PEM"));
    }
    Ok(())
}

/// Configures TLS with ring and `roots`, whatever the process-wide default is.
pub fn tls(roots: Arc<RootCertStore>) -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("tls", "no protocol version").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
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
