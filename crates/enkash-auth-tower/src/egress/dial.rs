use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, proxy::Tunnel},
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Egress, Resolver};
use crate::BoxError;

/// Opens a connection to the target, or a tunnel, for TLS with it.
#[derive(Clone, Debug)]
pub struct Dial {
    egress: Egress,
    direct: HttpConnector<Resolver>,
    /// Connects to a proxy, which may require TLS of its own.
    proxy: HttpsConnector<HttpConnector<Resolver>>,
}

/// Carries TLS only with a proxy that requires it.
pub type Dialed = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Dial {
    pub fn new(egress: Egress, tls: &ClientConfig, limit: Duration) -> Self {
        let direct = egress.tcp(limit);
        Self {
            egress,
            proxy: over_tls(tls, direct.clone()),
            direct,
        }
    }
}

/// Connects for HTTP/1.1, with TLS if the address is https.
pub fn over_tls<C>(tls: &ClientConfig, inner: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(inner)
}

impl Service<Uri> for Dial {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.egress.intercept(&target) else {
            let connecting = self.direct.call(target);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.proxy.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        Box::pin(async move {
            poll_fn(|cx| tunnel.poll_ready(cx)).await?;
            Ok(tunnel.call(target).await?)
        })
    }
}
