//! The issuer on a socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::issuer::Issuer;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::web::SandboxService;

/// How long in-flight requests may take to finish.
const DRAIN: Duration = Duration::from_secs(5);

/// The backoff after a failed accept, for example without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a handshake may take.
#[cfg(feature = "tls")]
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The optional TLS between a socket and HTTP.
#[cfg(feature = "tls")]
type Acceptor = tokio_rustls::TlsAcceptor;
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
enum Acceptor {}

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
    authority: Option<CertificateAuthority>,
    stop: oneshot::Sender<()>,
    /// Accepts connections. Dropping it closes the socket and every connection.
    task: JoinSet<()>,
}

impl Sandbox {
    /// Creates a builder for another issuer or another address.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder {
            issuer: Issuer::default(),
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Starts a sandbox with the defaults on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// As for [`SandboxBuilder::start`], which also documents panics.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns the listening address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the base URL for clients: `http://127.0.0.1:PORT`, or `https`, without a trailing slash.
    pub fn base_url(&self) -> String {
        let is_tls = self.authority.is_some();
        format!("http{}://{}", if is_tls { "s" } else { "" }, self.addr)
    }

    /// Returns the issuer, to control it and to read its counters.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Returns the authority for clients to trust, if the sandbox serves TLS.
    pub fn certificate_authority(&self) -> Option<&CertificateAuthority> {
        self.authority.as_ref()
    }

    /// Stops accepting connections, gives in-flight requests at most five seconds, and stops.
    pub async fn shutdown(mut self) {
        // Fails if the task has already stopped.
        let _ = self.stop.send(());
        // The task does not panic and was not aborted; if it was, it has stopped too.
        let _ = self.task.join_next().await;
    }
}

/// The authority that signed a sandbox's certificate, for clients to trust.
///
/// Created when the sandbox starts; its key is dropped when the sandbox stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAuthority {
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
}

impl CertificateAuthority {
    /// Returns the certificate as PEM, for a file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the certificate as DER, for a root store.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

/// Builds a [`Sandbox`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SandboxBuilder {
    issuer: Issuer,
    addr: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl SandboxBuilder {
    /// Sets the issuer to serve. Default: [`Issuer::default`].
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuer = issuer;
        self
    }

    /// Sets the address to listen on. Default: a free port on 127.0.0.1.
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
    /// If the address cannot be bound, or no certificate be created for the names.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, or in one without I/O.
    pub async fn start(self) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(self.addr).await?;
        let addr = listener.local_addr()?;
        #[cfg(feature = "tls")]
        let tls = self.tls.map(|tls| tls.acceptor(addr.ip())).transpose()?;
        #[cfg(not(feature = "tls"))]
        let tls = None;
        let (acceptor, authority) = tls.unzip();
        let (stop, stopped) = oneshot::channel();
        let service = SandboxService::new(self.issuer.clone());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, acceptor, service, stopped));
        Ok(Sandbox {
            issuer: self.issuer,
            addr,
            authority,
            stop,
            task,
        })
    }
}

/// Accepts connections and serves each in a separate task until `stop`. Dropping the future drops the
/// connections.
async fn accept(
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    service: SandboxService,
    mut stop: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Without it, responses are only slower.
                    let _ = stream.set_nodelay(true);
                    let (acceptor, service) = (acceptor.clone(), service.clone());
                    connections.spawn(serve(stream, acceptor, service, graceful.watcher()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    drop(listener);
    // After the drain, the remaining connections are dropped with the set.
    let _ = timeout(DRAIN, graceful.shutdown()).await;
}

/// Serves a connection to its end, or drops it if the TLS handshake fails.
async fn serve(
    stream: TcpStream,
    acceptor: Option<Acceptor>,
    service: SandboxService,
    watcher: Watcher,
) {
    match acceptor {
        None => serve_http(stream, service, watcher).await,
        #[cfg(feature = "tls")]
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await {
                serve_http(stream, service, watcher).await;
            }
        }
    }
}

/// Serves HTTP/1 and HTTP/2 on the same port. The issuer adds the `Date` header.
async fn serve_http<S>(stream: S, service: SandboxService, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    let connection = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    // A connection may end in any way, without effect on the others.
    let _ = watcher.watch(connection).await;
}
