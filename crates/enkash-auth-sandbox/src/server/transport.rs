//! What lies between a socket and HTTP: nothing, or TLS.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::web::SandboxService;

/// What lies between a socket and HTTP.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

impl Transport {
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "https",
        }
    }

    /// Serves a connection to its end.
    pub(crate) async fn serve(self, stream: TcpStream, service: SandboxService, watcher: Watcher) {
        match self {
            Self::Plain => serve(stream, service, watcher).await,
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => {
                let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
                // Who cannot agree on TLS gets nothing.
                if let Ok(Ok(stream)) = handshake.await {
                    serve(stream, service, watcher).await;
                }
            }
        }
    }
}

/// How long a handshake may take.
#[cfg(feature = "tls")]
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// HTTP/1 and HTTP/2 on the same port; the `Date` header is the issuer's business.
async fn serve<S>(stream: S, service: SandboxService, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    let connection = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    // A connection may end in any way; the others are not concerned.
    let _ = watcher.watch(connection).await;
}
