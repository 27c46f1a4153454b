use std::{sync::Arc, time::Duration};

use enkash_auth_tower::{
    BoxError,
    core::{Error, ErrorKind},
};
use http::Uri;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::crypto::ring;
use tokio::net::TcpStream;
use tower::{timeout::Timeout, util::BoxCloneSyncService};

use crate::body::ProxyBody;

/// How long an idle connection is kept. Less than servers keep theirs: a request that meets a
/// closing connection fails, and nobody knows whether it arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How many idle connections are kept.
const MAX_IDLE: usize = 128;

/// The most that one connection buffers, and so the longest head of an answer.
const MAX_BUFFER: usize = 32 * 1024;

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// HTTP/1.1 over TLS (rustls with ring, the Mozilla roots), or in the clear where the address says
/// so, which is for loopback only. Connections stand within `connect_timeout`, TLS included.
pub(crate) fn client(connect_timeout: Duration) -> Result<Client<Connector, ProxyBody>, Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(Arc::new(ring::default_provider()))
        .map_err(|error| {
            Error::new(ErrorKind::InvalidSetting, "tls: no protocol version").with_source(error)
        })?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    let connector = BoxCloneSyncService::new(Timeout::new(https, connect_timeout));
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .http1_max_buf_size(MAX_BUFFER)
        .build(connector))
}
