use std::{
    task::{Context, Poll},
    time::Duration,
};

use enkash_auth_tower::{Egress, EgressConnector, Error, internal};
use http::Request;
use http_body::Body;
use hyper_util::{
    client::legacy::{self, ResponseFuture},
    rt::TokioTimer,
};
use tower::Service;

use crate::proxy_body::ProxyBody;

/// How long an idle connection is kept. Shorter than on servers: a request on a connection that is
/// being closed fails, and may or may not have arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum number of idle connections.
const MAX_IDLE: usize = 128;

/// The buffer limit per connection, and so the longest response head.
const MAX_BUFFER: usize = 32 * 1024;

type Pool = legacy::Client<EgressConnector, ProxyBody>;

/// An HTTP/1.1 client that reuses connections if that is safe.
///
/// A body of unknown length is sent on a new connection. On a reused one whose last response was
/// HTTP/1.0, hyper uses that version too, which has no chunks, and drops such a body: the upstream
/// would act on half a request. The pool does not tell in advance which connection it will pick.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    kept: Pool,
    new: Pool,
}

impl Client {
    /// Creates a client that connects through `egress` within `connect_timeout`, TLS included.
    pub(crate) fn new(egress: &Egress, connect_timeout: Duration) -> Result<Self, Error> {
        let connector = egress.connector(connect_timeout)?;
        let mut builder = internal::lenient_pool();
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_buf_size(MAX_BUFFER);
        Ok(Self {
            kept: builder
                .pool_max_idle_per_host(MAX_IDLE)
                .build(connector.clone()),
            new: builder.pool_max_idle_per_host(0).build(connector),
        })
    }
}

impl Service<Request<ProxyBody>> for Client {
    type Response = <Pool as Service<Request<ProxyBody>>>::Response;
    type Error = legacy::Error;
    type Future = ResponseFuture;

    /// Always ready: `call` picks or opens a connection.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), legacy::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> ResponseFuture {
        match request.body().size_hint().exact() {
            Some(_) => self.kept.request(request),
            None => self.new.request(request),
        }
    }
}
