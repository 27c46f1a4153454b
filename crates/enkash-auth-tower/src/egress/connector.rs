use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::HttpsConnector;
use rustls::ClientConfig;
use tower_service::Service;

use super::{
    Egress, EgressConnecting, EgressStream,
    dial::{Dial, over_tls},
};
use crate::BoxError;

/// Connects through an [`Egress`], for hyper-util's client. Made by [`Egress::connector`]; [`Egress`] shows how.
///
/// A connection is made in time or not at all; then the client's error proves that nothing was sent.
///
/// # Panics
///
/// If called outside a tokio runtime.
#[derive(Clone, Debug)]
pub struct EgressConnector(Arc<Inner>);

/// Shared: hyper-util's client clones its connector for each request.
#[derive(Debug)]
struct Inner {
    https: HttpsConnector<Dial>,
    egress: Egress,
    limit: Duration,
}

impl EgressConnector {
    pub(super) fn new(egress: Egress, tls: &Arc<ClientConfig>, limit: Duration) -> Self {
        Self(Arc::new(Inner {
            https: over_tls(tls, Dial::new(egress.clone(), tls, limit)),
            egress,
            limit,
        }))
    }
}

impl Service<Uri> for EgressConnector {
    type Response = EgressStream;
    type Error = BoxError;
    type Future = EgressConnecting;

    /// Always ready, as what it is made of is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> EgressConnecting {
        let Inner {
            https,
            egress,
            limit,
        } = &*self.0;
        let proxy = egress.proxy_for(&target).cloned();
        EgressConnecting::new(https.clone().call(target), *limit, proxy)
    }
}
