use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[cfg(feature = "tls")]
use super::Tls;
use super::transport::Transport;
use super::{CertificateAuthority, Sandbox};
use crate::issuer::Issuer;

type Secured = (Transport, Option<CertificateAuthority>);

/// Builds a [`Sandbox`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Issuer, Rules, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let issuer = Issuer::builder()
///     .rules(Rules::new().lifetime(Duration::from_secs(5)))
///     .build();
/// let sandbox = Sandbox::builder()
///     .issuer(issuer)
///     .listen(([127, 0, 0, 1], 0).into())
///     .start()
///     .await?;
/// assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SandboxBuilder {
    pub(super) issuer: Option<Issuer>,
    pub(super) addr: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl SandboxBuilder {
    pub(crate) fn new() -> Self {
        Self {
            issuer: None,
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The issuer to serve. Default: [`Issuer::default`].
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// The address to listen on. Default: a free port on 127.0.0.1.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// Serves TLS instead of plain HTTP. With the feature `tls`.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts to listen, in tasks of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, or no certificate be made for the names given.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one without I/O.
    pub async fn start(self) -> io::Result<Sandbox> {
        Sandbox::bind(self).await
    }

    /// What lies between the socket and HTTP, and what clients have to trust for it.
    #[cfg(feature = "tls")]
    pub(super) fn transport(&self, addr: IpAddr) -> io::Result<Secured> {
        let Some(tls) = self.tls.clone() else {
            return Ok((Transport::Plain, None));
        };
        let (acceptor, authority) = tls.acceptor(addr)?;
        Ok((Transport::Tls(acceptor), Some(authority)))
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn transport(&self, _: IpAddr) -> io::Result<Secured> {
        Ok((Transport::Plain, None))
    }
}
