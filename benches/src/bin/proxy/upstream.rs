use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::load::{LARGE, LARGE_PATH};

/// The bytes of a small response.
const SMALL: usize = 200;

/// The server behind every proxy; counts its connections.
pub(crate) struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let connections = Arc::<AtomicU64>::default();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                let _ = stream.set_nodelay(true);
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(respond));
                // A failure is one of the call, which reports it.
                tokio::spawn(async { connection.await.ok() });
            }
        });
        Ok(Self {
            address,
            connections,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    static BYTES: [u8; LARGE] = [b'x'; LARGE];

    let is_authorized = request.headers().contains_key(AUTHORIZATION);
    let length = match (request.method(), request.uri().path()) {
        (&Method::GET, LARGE_PATH) => LARGE,
        _ => SMALL,
    };
    let mut body = request.into_body();
    let mut is_complete = true;
    while let Some(frame) = body.frame().await {
        is_complete &= frame.is_ok();
    }
    let bytes = BYTES.get(..length).unwrap_or_default();
    let mut response = Response::new(Full::from(bytes));
    if !is_authorized || !is_complete {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}
