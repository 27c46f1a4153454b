use std::{
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
pub struct EgressConnector {
    inner: HttpsConnector<Dial>,
    egress: Egress,
    limit: Duration,
}

impl EgressConnector {
    pub(super) fn new(egress: Egress, tls: &ClientConfig, limit: Duration) -> Self {
        Self {
            inner: over_tls(tls, Dial::new(egress.clone(), tls, limit)),
            egress,
            limit,
        }
    }
}

impl Service<Uri> for EgressConnector {
    type Response = EgressStream;
    type Error = BoxError;
    type Future = EgressConnecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> EgressConnecting {
        let proxy = self.egress.proxy_for(&target).cloned();
        EgressConnecting::new(self.inner.call(target), self.limit, proxy)
    }
}
