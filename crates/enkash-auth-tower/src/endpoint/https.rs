use std::{sync::Arc, time::Duration};

use super::connect::TimedConnector;
use bytes::Bytes;
use enkash_auth_core::{Error, ErrorKind};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// How long a connection may take: name, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A token is asked for every few minutes at the earliest: a connection is kept for the attempts of
/// one fetch, not for the next.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// TLS as it is chosen here, not by whoever installs a process-wide default: ring, the Mozilla
/// roots.
pub(super) fn tls() -> Result<ClientConfig, Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::new(ErrorKind::InvalidSetting, "tls: no protocol version").with_source(error)
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// A client with no connection open yet. Plain http is for loopback: a base address says so.
pub(super) fn client(
    tls: ClientConfig,
) -> Client<TimedConnector<HttpsConnector<HttpConnector>>, Full<Bytes>> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(TimedConnector::new(https, CONNECT_TIMEOUT))
}
