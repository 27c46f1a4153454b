use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    Request, Uri,
    header::{HOST, PROXY_AUTHORIZATION},
};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Egress, Resolver, lenient, proxy::Proxy};
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
    pub fn new(egress: Egress, tls: &Arc<ClientConfig>, limit: Duration) -> Self {
        let direct = egress.tcp(limit);
        Self {
            egress,
            proxy: over_tls(tls, direct.clone()),
            direct,
        }
    }
}

/// Connects for HTTP/1.1, with TLS if the address is https.
pub fn over_tls<C>(tls: &Arc<ClientConfig>, inner: C) -> HttpsConnector<C> {
    HttpsConnector::from((inner, Arc::clone(tls)))
}

impl Service<Uri> for Dial {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, BoxError>> + Send>>;

    /// Always ready, as its resolver is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.egress.intercept(&target).cloned() else {
            let connecting = self.direct.call(target);
            return Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        let connecting = self.proxy.call(proxy.uri().clone());
        Box::pin(async move { tunnel(connecting.await?, &proxy, &target).await })
    }
}

/// Opens a tunnel to `target` through the proxy at the other end of `stream`. hyper skips interim responses.
async fn tunnel(stream: Dialed, proxy: &Proxy, target: &Uri) -> Result<Dialed, BoxError> {
    let host = target.host().ok_or("no host")?;
    let authority = format!("{host}:{}", target.port_u16().unwrap_or(443));
    let mut request = Request::connect(&authority).header(HOST, &authority);
    if let Some(credentials) = proxy.basic_auth() {
        request = request.header(PROXY_AUTHORIZATION, credentials);
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let mut http = lenient::connection();
    http.title_case_headers(true);
    let (mut sender, mut connection) = http.handshake(stream).await?;
    let mut response = pin!(sender.send_request(request));
    let response = poll_fn(|cx| {
        // The response reports how it ends.
        let _ = connection.poll_without_shutdown(cx);
        response.as_mut().poll(cx)
    });
    let status = response.await?.status();
    if !status.is_success() {
        return Err(format!("it responded to CONNECT with status {status}").into());
    }
    // With TLS the server sends nothing first: what was read behind the head is a body of the proxy's own.
    Ok(connection.into_parts().io)
}
