//! Accepts connections and serves each in a task of its own.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::web::SandboxService;

/// How long requests under way have to finish.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs until `stop`; when it is dropped, so are the connections.
pub(crate) async fn accept(
    listener: TcpListener,
    service: SandboxService,
    mut stop: oneshot::Receiver<()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Without it answers are only slower.
                    let _ = stream.set_nodelay(true);
                    let connection = server()
                        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()))
                        .into_owned();
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        // A connection may end in any way; the next one is not concerned.
                        let _ = connection.await;
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    drop(listener);
    // After the drain, what is left is dropped with the set.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// HTTP/1 and HTTP/2 on the same port; the `Date` header is the issuer's business.
fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    server
}
