//! Builds a [`Sandbox`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use super::Sandbox;
use crate::issuer::Issuer;

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
    issuer: Option<Issuer>,
    addr: SocketAddr,
}

impl SandboxBuilder {
    pub(crate) fn new() -> Self {
        Self {
            issuer: None,
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
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

    /// Starts to listen, in tasks of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one without I/O.
    pub async fn start(self) -> io::Result<Sandbox> {
        Sandbox::bind(self.issuer.unwrap_or_default(), self.addr).await
    }
}
