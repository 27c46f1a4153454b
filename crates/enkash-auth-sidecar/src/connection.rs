use std::time::Duration;

use axum::{Router, body::Body, response::IntoResponse};
use enkash_auth_axum::{Forwarded, Problem};
use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};
use tower::ServiceExt;

use crate::guard::Guard;

/// How long a caller may take to send a head, and how long it may keep an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// The head timeout above the connection limit.
const HEAD_TIMEOUT_WITHOUT_PERMIT: Duration = Duration::from_secs(1);

/// The buffer limit per connection, and so the longest head.
const MAX_BUFFER: usize = 32 * 1024;

/// The `Retry-After` above the connection limit.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Serves one connection to its end: HTTP/1.1, one request at a time. Without a permit, every
/// request gets 503.
pub(crate) async fn serve(
    stream: TcpStream,
    app: Router,
    guard: Guard,
    permit: Option<OwnedSemaphorePermit>,
    watcher: Watcher,
) {
    let has_permit = permit.is_some();
    let service = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            match guard.admit(&request) {
                Err(problem) => Ok(problem.into_response()),
                Ok(()) if !has_permit => Ok(overloaded().into_response()),
                Ok(()) => app.oneshot(request.map(Body::new)).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if has_permit {
            HEAD_TIMEOUT
        } else {
            HEAD_TIMEOUT_WITHOUT_PERMIT
        })
        .keep_alive(has_permit)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // A caller may disconnect in any way, without effect on other connections.
        tracing::debug!(%error, "connection ended");
    }
    drop(permit);
}

fn overloaded() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::No)
        .detail("too many connections")
        .retry_after(RETRY_AFTER)
}
