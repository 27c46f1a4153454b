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

/// How many connections are served at once, and so how many requests.
const MAX_CONNECTIONS: usize = 1_024;

/// How many files they need: two each, and some more. Some systems allow fewer at first.
const MAX_FILES: u64 = 2 * MAX_CONNECTIONS as u64 + 64;

/// How long requests under way have to finish.
const DRAIN: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens until it is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    // Where there are fewer, connections wait to be accepted or to be made.
    if let Err(error) = rlimit::increase_nofile_limit(MAX_FILES) {
        tracing::warn!(%error, "open files stay few");
    }
    // Before anybody is told that it listens.
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
        return Err(Failure::setting("--upstream", "it is this very address"));
    }
    let target: Uri = upstream.parse().unwrap_or_default();
    let proxy = config.egress.proxy_for(&target).cloned();
    let app = app(config.tokens.clone(), config.upstream, config.egress)?;

    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    tracing::info!(%upstream, proxy = proxy.map(field::display), "forwarding");
    // What comes of it is logged, and told to those who call.
    tokio::spawn(async move { config.tokens.warm_up().await });
    accept(listener, app, stop).await?;
    Ok(())
}

/// Serves every connection in a task of its own.
async fn accept(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // One that is gone already has no address.
                    let Ok(local) = stream.local_addr() else { continue };
                    let guard = Guard::new(address, local);
                    // Without it answers are only slower.
                    let _ = stream.set_nodelay(true);
                    let place = Arc::clone(&places).try_acquire_owned().ok();
                    let watcher = graceful.watcher();
                    connections.spawn(connection::serve(stream, app.clone(), guard, place, watcher));
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection accepted");
                    sleep(ACCEPT_PAUSE).await;
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
            "cut off what was under way"
        );
    }
    Ok(())
}
