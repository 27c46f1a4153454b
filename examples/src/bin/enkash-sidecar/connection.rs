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

/// The same, where there is no place for it.
const HEAD_TIMEOUT_WITHOUT_PLACE: Duration = Duration::from_secs(1);

/// The most that one connection buffers, and so the longest head.
const MAX_BUFFER: usize = 32 * 1024;

/// When a caller may find a place.
const PLACE_AFTER: Duration = Duration::from_secs(1);

/// Serves one connection to its end: HTTP/1.1, one request at a time. Without a place, every
/// request is turned away.
pub(crate) async fn serve(
    stream: TcpStream,
    app: Router,
    guard: Guard,
    place: Option<OwnedSemaphorePermit>,
    watcher: Watcher,
) {
    let has_place = place.is_some();
    let service = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            match guard.admit(&request) {
                Err(refusal) => Ok(refusal.into_response()),
                Ok(()) if !has_place => Ok(no_place().into_response()),
                Ok(()) => app.oneshot(request.map(Body::new)).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(if has_place {
            HEAD_TIMEOUT
        } else {
            HEAD_TIMEOUT_WITHOUT_PLACE
        })
        .keep_alive(has_place)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // A caller may leave in any way; the others are not concerned.
        tracing::debug!(%error, "connection ended");
    }
    drop(place);
}

fn no_place() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::No)
        .detail("too many connections")
        .retry_after(PLACE_AFTER)
}
