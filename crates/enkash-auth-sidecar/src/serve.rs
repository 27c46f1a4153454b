use std::{
    io::{self, Write},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use http::Uri;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::field;

use crate::{app::app, config::Config, connection, failure::Failure, guard::Guard, stop};

/// The limit of concurrent connections, and so of concurrent requests.
const MAX_CONNECTIONS: usize = 1_024;

/// How many open files that takes: two per connection and some more. Some systems default to fewer.
const MAX_FILES: u64 = 2 * MAX_CONNECTIONS as u64 + 64;

/// How long in-flight requests may take to finish.
const DRAIN: Duration = Duration::from_secs(30);

/// The backoff after a failed accept, for example without free file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Listens until the stop signal.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    // With fewer files, connections wait to be accepted or opened.
    if let Err(error) = rlimit::increase_nofile_limit(MAX_FILES) {
        tracing::warn!(%error, "failed to raise the open file limit");
    }
    // Before the address is printed: a signal may follow at once.
    let stop = stop::signal()?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Failure::Other(format!("--listen: {}: {error}", config.listen).into()))?;
    let address = listener.local_addr()?;
    let upstream = config.upstream.to_string();
    if upstream
        .strip_prefix("http://")
        .is_some_and(|authority| Guard::new(address, address).leads_here(authority))
    {
        return Err(Failure::setting(
            "--upstream",
            "is the address of the sidecar itself",
        ));
    }
    let target: Uri = upstream.parse().unwrap_or_default();
    let proxy = config.egress.proxy_for(&target).cloned();
    let app = app(config.tokens.clone(), config.upstream, config.egress)?;

    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    tracing::info!(%upstream, proxy = proxy.map(field::display), "forwarding");
    // The outcome is logged and returned to callers.
    tokio::spawn(async move { config.tokens.warm_up().await });
    accept(listener, app, stop).await?;
    Ok(())
}

/// Serves each connection in a separate task.
async fn accept(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // A connection that is already closed has no address.
                    let Ok(local) = stream.local_addr() else { continue };
                    let guard = Guard::new(address, local);
                    // Without it, responses are only slower.
                    let _ = stream.set_nodelay(true);
                    let permit = Arc::clone(&permits).try_acquire_owned().ok();
                    let watcher = graceful.watcher();
                    connections.spawn(connection::serve(stream, app.clone(), guard, permit, watcher));
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    sleep(ACCEPT_BACKOFF).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping");
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "aborted in-flight requests"
        );
    }
    Ok(())
}
