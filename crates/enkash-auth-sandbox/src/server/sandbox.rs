//! A running sandbox.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::CertificateAuthority;
use super::accept::accept;
use super::builder::SandboxBuilder;
use crate::issuer::Issuer;
use crate::web::SandboxService;

/// A sandbox that listens on a socket until it is dropped.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// println!("ask for tokens at {}/oauth/token", sandbox.base_url());
///
/// sandbox.issuer().revoke_all();
/// assert_eq!(sandbox.issuer().counters().token_requests, 0);
/// sandbox.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    issuer: Issuer,
    addr: SocketAddr,
    scheme: &'static str,
    authority: Option<CertificateAuthority>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Builds a sandbox with another issuer or on another address.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// Starts a sandbox on a free port of 127.0.0.1, as documented.
    ///
    /// # Errors
    ///
    /// No port could be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or in one without I/O.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    pub(crate) async fn bind(builder: SandboxBuilder) -> io::Result<Self> {
        let listener = TcpListener::bind(builder.addr).await?;
        let addr = listener.local_addr()?;
        let (transport, authority) = builder.transport(addr.ip())?;
        let issuer = builder.issuer.unwrap_or_default();
        let scheme = transport.scheme();
        let (stop, stopped) = oneshot::channel();
        let service = SandboxService::new(issuer.clone());
        let task = tokio::spawn(accept(listener, transport, service, stopped));
        Ok(Self {
            issuer,
            addr,
            scheme,
            authority,
            stop: Some(stop),
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base address for a client: `http://127.0.0.1:PORT`, or `https`, without a slash at the
    /// end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// The issuer behind it, to steer it and to look at its counters.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What clients have to trust, if the sandbox serves TLS.
    #[must_use]
    pub fn certificate_authority(&self) -> Option<&CertificateAuthority> {
        self.authority.as_ref()
    }

    /// Accepts no more connections, lets requests under way finish for at most five seconds, and
    /// stops.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // A receiver that is gone has nothing left to stop.
            let _ = stop.send(());
        }
        // It was neither aborted nor does it panic; and stopped is stopped.
        let _ = (&mut self.task).await;
    }
}

/// Closes the socket and every connection.
impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
