use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use enkash_auth_tower::{
    connect::EgressConnector,
    internal::{Traffic, lenient_pool},
    replay::ReplayRequest,
};
use http::{Extensions, Request};
use http_body::Body;
use hyper_util::{client::legacy, rt::TokioTimer};
use tower::Service;

use crate::proxy_body::ProxyBody;

/// The buffer limit per connection, and so the longest response head.
const MAX_BUFFER: usize = 32 * 1024;

/// An HTTP/1.1 client that reuses connections if that is safe, and cheap to clone.
///
/// A body of unknown length is sent on a new connection. On a reused one whose last response was
/// HTTP/1.0, hyper uses that version too, which has no chunks, and drops such a body: the upstream
/// would act on half a request. The pool does not tell in advance which connection it will pick.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    kept: Pool,
    new: Pool,
}

type Pool = legacy::Client<EgressConnector, ProxyBody>;

impl Client {
    /// Creates a client over `connector` that keeps at most `max_idle` connections, each for at most
    /// `idle_timeout`.
    pub(crate) fn new(connector: EgressConnector, max_idle: usize, idle_timeout: Duration) -> Self {
        let mut builder = lenient_pool();
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout)
            .http1_max_buf_size(MAX_BUFFER);
        Self(Arc::new(Pools {
            kept: builder
                .pool_max_idle_per_host(max_idle)
                .build(connector.clone()),
            new: builder.pool_max_idle_per_host(0).build(connector),
        }))
    }
}

impl Pools {
    /// Sends a request, and an idempotent one once more if the upstream had closed its connection: a
    /// server closes idle ones at will, and may do so as a request arrives.
    async fn send(&self, request: Request<ProxyBody>) -> Outcome {
        if request.body().size_hint().exact().is_none() {
            return self.new.request(request).await;
        }
        let is_idempotent = request.method().is_idempotent();
        let copy = is_idempotent.then(|| request.try_copy()).flatten();
        match (self.kept.request(request).await, copy) {
            (Err(error), Some(copy)) if died_between_requests(&error) => {
                tracing::debug!("reused connection was closed: sending once more");
                // Others in the pool may have been closed with it. The first request may have arrived,
                // whatever is known of the second.
                self.new
                    .request(Request::from_copy(copy))
                    .await
                    .map_err(|_| error)
            }
            (outcome, _) => outcome,
        }
    }
}

/// Returns whether a reused connection was closed before any byte of a response; one that cannot be parsed was there.
fn died_between_requests(error: &legacy::Error) -> bool {
    let mut extras = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    let source = error.source().and_then(|source| source.downcast_ref());
    let traffic = extras.get::<Traffic>();
    !source.is_some_and(hyper::Error::is_parse)
        && traffic.is_some_and(Traffic::died_between_requests)
}

type Outcome = Result<<Pool as Service<Request<ProxyBody>>>::Response, legacy::Error>;

impl Service<Request<ProxyBody>> for Client {
    type Response = <Pool as Service<Request<ProxyBody>>>::Response;
    type Error = legacy::Error;
    type Future = Pin<Box<dyn Future<Output = Outcome> + Send>>;

    /// Always ready: `call` picks or opens a connection.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> Self::Future {
        let pools = Arc::clone(&self.0);
        Box::pin(async move { pools.send(request).await })
    }
}
