use std::time::Duration;

use bytes::Bytes;
use enkash_auth_core::Origin;
use enkash_auth_tower::{BoxError, EnkashAuthLayer};
use http::{HeaderValue, Request, Response, Uri, Version, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::server;
use crate::{
    hot::ready_header,
    issuer::Issuer,
    request::{Call, request},
};

/// A client and its protocol.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The name in the report.
    pub name: &'static str,
    version: Version,
    sender: fn(Version, Uri, Option<EnkashAuthLayer>) -> Result<Sender, BoxError>,
}

/// The measured clients.
pub const CLIENTS: [Client; 4] = [
    Client {
        name: "hyper_http1",
        version: Version::HTTP_11,
        sender: hyper,
    },
    Client {
        name: "hyper_http2",
        version: Version::HTTP_2,
        sender: hyper,
    },
    Client {
        name: "reqwest_http1",
        version: Version::HTTP_11,
        sender: reqwest,
    },
    Client {
        name: "reqwest_http2",
        version: Version::HTTP_2,
        sender: reqwest,
    },
];

/// Makes a call, and reads its response.
pub(super) type Sender = BoxCloneSyncService<(), (), BoxError>;

impl Client {
    /// Starts a server, and returns calls to it with a ready header and with our layer.
    pub(super) fn senders(&self) -> Result<[Sender; 2], BoxError> {
        let address = server::start(self.version)?;
        let base = format!("http://{address}");
        let uri: Uri = format!("{base}/api/v0/payouts").parse()?;
        let tokens = Issuer::granting(Duration::ZERO).warm_cache();
        let layer = EnkashAuthLayer::new(tokens).allow_origin(base.parse::<Origin>()?);
        Ok([
            (self.sender)(self.version, uri.clone(), None)?,
            (self.sender)(self.version, uri, Some(layer))?,
        ])
    }
}

fn hyper(version: Version, uri: Uri, layer: Option<EnkashAuthLayer>) -> Result<Sender, BoxError> {
    let mut connector = HttpConnector::new();
    // As reqwest does: HTTP/2 writes head and body apart, and would wait for an acknowledgement between.
    connector.set_nodelay(true);
    let client = HyperClient::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build::<_, Full<Bytes>>(connector);
    Ok(match layer {
        Some(layer) => sender(layer.layer(client), move || call(&uri, None)),
        None => {
            let header = ready_header();
            sender(client, move || call(&uri, Some(&header)))
        }
    })
}

fn reqwest(version: Version, uri: Uri, layer: Option<EnkashAuthLayer>) -> Result<Sender, BoxError> {
    let builder = reqwest::Client::builder().no_proxy();
    let client = match version {
        Version::HTTP_2 => builder.http2_prior_knowledge(),
        _ => builder.http1_only(),
    };
    let client = client.build()?;
    let call = move |header: Option<&HeaderValue>| {
        let call = call(&uri, header)?.map(reqwest::Body::wrap);
        Ok(reqwest::Request::try_from(call)?)
    };
    Ok(match layer {
        Some(layer) => sender(layer.layer(client), move || call(None)),
        None => {
            let header = ready_header();
            sender(client, move || call(Some(&header)))
        }
    })
}

/// Returns a call with a body, and with `header` if there is one.
fn call(uri: &Uri, header: Option<&HeaderValue>) -> Result<Request<Full<Bytes>>, BoxError> {
    let mut call: Call = request();
    *call.uri_mut() = uri.clone();
    if let Some(header) = header {
        call.headers_mut().insert(AUTHORIZATION, header.clone());
    }
    Ok(call.map(|()| Full::from("{\"amount\":100}")))
}

/// Clones the service for each call, as servers with a shared handle do.
fn sender<S, Req, B>(
    service: S,
    request: impl Fn() -> Result<Req, BoxError> + Clone + Send + Sync + 'static,
) -> Sender
where
    S: Service<Req> + Clone + Send + Sync + 'static,
    S::Response: Into<Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Req: Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    BoxCloneSyncService::new(service_fn(move |()| {
        let (service, request) = (service.clone(), request());
        async move {
            let response = service.oneshot(request?).await.map_err(Into::into)?;
            let response: Response<B> = response.into();
            response.into_body().collect().await.map_err(Into::into)?;
            Ok(())
        }
    }))
}
