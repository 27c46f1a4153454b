use std::{
    task::{Context, Poll},
    time::Duration,
};

use enkash_auth_tower::{Egress, EgressConnector, core::Error};
use http::Request;
use http_body::Body;
use hyper_util::{
    client::legacy::{self, ResponseFuture},
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;

use crate::proxy_body::ProxyBody;

/// How long an idle connection is kept. Less than servers keep theirs: a request that meets a
/// closing connection fails, and it is not known whether it arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How many idle connections are kept.
const MAX_IDLE: usize = 128;

/// The most that one connection buffers, and so the longest head of an answer.
const MAX_BUFFER: usize = 32 * 1024;

type Pool = legacy::Client<EgressConnector, ProxyBody>;

/// HTTP/1.1, on kept connections where that is safe.
///
/// A body of unknown length goes on a new connection. On a kept one whose last answer was HTTP/1.0
/// hyper speaks that version too, which has no chunks, and sends such a body as none: the upstream
/// would act on half a request. Which connection a pool will take is not known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    kept: Pool,
    new: Pool,
}

impl Client {
    /// Connections are made as `egress` says, and stand within `connect_timeout`, TLS included.
    pub(crate) fn new(egress: &Egress, connect_timeout: Duration) -> Result<Self, Error> {
        let connector = egress.connector(connect_timeout)?;
        let mut builder = legacy::Client::builder(TokioExecutor::new());
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

    /// Always ready: a connection is looked for, or made, by the call.
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
