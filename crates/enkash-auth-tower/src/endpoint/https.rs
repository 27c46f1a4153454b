use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use crate::egress::EgressConnector;

/// How long a connection may take: name, TCP, a proxy's tunnel and TLS.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A token is asked for every few minutes at the earliest: a connection is kept for the attempts of
/// one fetch, not for the next.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// A client with no connection open yet.
pub(super) fn client(connector: EgressConnector) -> Client<EgressConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(connector)
}
