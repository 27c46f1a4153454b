//! What a client needs to trust a sandbox that serves TLS.

/// The authority that signed a sandbox's certificate: what clients have to trust.
///
/// Made when the sandbox starts and gone when it stops, its key with it.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::CertificateAuthority;
///
/// fn write_ca_file(authority: &CertificateAuthority) -> std::io::Result<()> {
///     std::fs::write("ca.pem", authority.pem()) // for `curl --cacert ca.pem`
/// }
/// # let _ = write_ca_file;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAuthority {
    pem: String,
    der: Vec<u8>,
}

impl CertificateAuthority {
    #[cfg(feature = "tls")]
    pub(crate) fn new(pem: String, der: Vec<u8>) -> Self {
        Self { pem, der }
    }

    /// Its certificate as PEM, for a file.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate as DER, for a root store.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}
