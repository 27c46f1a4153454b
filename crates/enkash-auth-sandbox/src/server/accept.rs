//! Accepts connections and serves each in a task of its own.

use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::transport::Transport;
use crate::web::SandboxService;

/// How long requests under way have to finish.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs until `stop`; when it is dropped, so are the connections.
pub(crate) async fn accept(
    listener: TcpListener,
    transport: Transport,
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
                    let (transport, service) = (transport.clone(), service.clone());
                    connections.spawn(transport.serve(stream, service, graceful.watcher()));
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
