use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body as AxumBody};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::CONNECTION};
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::ServiceExt;

use crate::{
    activity::{Activity, Call},
    calls::Calls,
    guard::Guard,
    listener::{Accepted, Listener},
    slots::Slots,
    stream::Stream,
    timeouts::Timeouts,
};

/// How many accepted connections may wait for a slot, or for a 503. Further ones wait to be accepted.
pub(crate) const QUEUE: usize = 64;

/// The backoff after a failed accept, for example without free file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How long a caller without a slot may take to send a head.
const HEAD_WITHOUT_SLOT: Duration = Duration::from_secs(1);

/// How long a connection must have been idle to be closed after the stop signal. A caller that uses it more
/// often gets a response that says so: to close it while a request is on its way would lose that.
const QUIET: Duration = Duration::from_secs(1);

/// How long what a caller still sends is read after the last response.
const LINGER: Duration = Duration::from_secs(2);

/// The buffer limit per connection, and so the longest head.
const MAX_BUFFER: usize = 32 * 1024;

/// The response to an HTTP/2 connection.
const NO_HTTP_2: &str = "HTTP/1.1 505 HTTP Version Not Supported\r\n\
    content-type: application/problem+json\r\n\
    connection: close\r\n\r\n\
    {\"title\":\"HTTP Version Not Supported\",\"status\":505,\"forwarded\":false,\
    \"detail\":\"HTTP/2, gRPC and WebSocket are not supported: send HTTP/1.1 requests\"}";

/// How far the program is on its way to an end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    Serving,
    /// Connections end once they are idle.
    Draining,
    /// They end at once.
    Ended,
}

/// What is served to the callers of a listener, and within which limits.
pub(crate) struct Server {
    pub(crate) guard: Guard,
    pub(crate) app: Router,
    pub(crate) slots: Arc<Slots>,
    pub(crate) timeouts: Timeouts,
    pub(crate) calls: Arc<Calls>,
}

impl Server {
    /// Accepts connections until the program is draining, and serves each in a separate task, which keeps a
    /// receiver of `phase` to its end.
    pub(crate) async fn run(self, listener: Listener, phase: watch::Receiver<Phase>) {
        let server = Arc::new(self);
        let queue = Arc::new(Semaphore::new(QUEUE));
        let place = async || Arc::clone(&queue).acquire_owned().await;
        let serve = |accepted, place| {
            let server = Arc::clone(&server);
            tokio::spawn(server.serve(accepted, place, phase.clone()));
        };
        let mut draining = phase.clone();
        loop {
            let accept = async { (place().await, listener.accept().await) };
            tokio::select! {
                accepted = accept => match accepted {
                    (Ok(place), Ok(accepted)) => serve(accepted, place),
                    (Ok(_), Err(error)) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        sleep(ACCEPT_BACKOFF).await;
                    }
                    (Err(_), _) => break,
                },
                _ = draining.changed() => break,
            }
        }
        for accepted in listener.close().unwrap_or_default() {
            if let Ok(place) = place().await {
                serve(accepted, place);
            }
        }
        // Only now, when no address is there to connect to, are callers sent away.
        server.slots.close();
    }

    /// Serves a connection to its end: HTTP/1.1, one request at a time. Without a slot, every request gets 503.
    async fn serve(
        self: Arc<Self>,
        (io, local): Accepted,
        queued: OwnedSemaphorePermit,
        mut phase: watch::Receiver<Phase>,
    ) {
        let mut timeouts = self.timeouts;
        let activity = Activity::new();
        let slot = self.slots.acquire(&activity).await;
        let has_slot = slot.is_some();
        let mut queued = (!has_slot).then_some(queued);
        if !has_slot {
            (timeouts.header, timeouts.idle) = (HEAD_WITHOUT_SLOT, HEAD_WITHOUT_SLOT);
        }
        let call = |request| Box::pin(self.call(activity.begin_call(), request, local, has_slot));
        let io = TokioIo::new(Stream::new(io, Arc::clone(&activity)));
        let mut connection = http1::Builder::new()
            .keep_alive(has_slot)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(io, service_fn(call));
        let served = async {
            // Until what it buffers is written, and its side is shut down.
            let ended = (&mut connection).await;
            drop(queued.take());
            let mut io = connection.into_parts().io.into_inner();
            // A caller may disconnect in any way, without effect on other connections.
            if let Err(error) = ended {
                tracing::debug!(%error, "connection failed");
                if error.is_parse_version_h2() {
                    let _ = io.write_all(NO_HTTP_2.as_bytes()).await;
                }
            }
            let _ = close(io).await;
        };
        let silence = async {
            tokio::select! {
                () = activity.end(&timeouts) => return,
                _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
            }
            timeouts.idle = timeouts.idle.min(QUIET);
            tokio::select! {
                () = activity.end(&timeouts) => {}
                _ = phase.wait_for(|phase| *phase == Phase::Ended) => {}
            }
        };
        tokio::select! {
            biased;
            () = served => {}
            () = silence => tracing::debug!("connection evicted, or its caller timed out"),
        }
        drop(slot);
    }

    async fn call(
        &self,
        call: Call,
        mut request: Request<Incoming>,
        local: Option<SocketAddr>,
        has_slot: bool,
    ) -> Result<Response<impl Body<Data = Bytes, Error = axum::Error> + use<>>, Infallible> {
        let mut seen = self.calls.begin(&mut request);
        let mut response = match self.guard.decline(local, has_slot, &mut request) {
            Some(response) => response,
            None => self.app.clone().oneshot(request.map(AxumBody::new)).await?,
        };
        seen.respond(&mut response);
        if self.slots.should_close() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Ok(response.map(|body| {
            body.map_err(move |error| {
                let _until_sent = (&call, &seen);
                error
            })
        }))
    }
}

/// Ends a connection, and reads what still comes: closed before that, it would be reset, and the caller might lose
/// the response.
async fn close(mut io: Stream) -> io::Result<()> {
    // After hyper did, it may fail.
    let _ = io.shutdown().await;
    timeout(LINGER, copy(&mut io, &mut sink())).await??;
    Ok(())
}
