use std::{sync::Arc, time::Duration};

use enkash_auth_tower::{
    BoxError,
    core::{Error, ErrorKind},
};
use http::Uri;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::crypto::ring;
use tokio::net::TcpStream;
use tower::{timeout::Timeout, util::BoxCloneSyncService};

pub(super) type Connector =
    BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// TLS (rustls with ring, the Mozilla roots), or in the clear where the address says so, which is
/// for loopback only. Connections stand within `limit`, TLS included.
pub(super) fn connector(limit: Duration) -> Result<Connector, Error> {
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
    Ok(BoxCloneSyncService::new(Timeout::new(https, limit)))
}
