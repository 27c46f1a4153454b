use std::{convert::Infallible, io, net::SocketAddr, thread};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpListener, runtime::Builder};

/// What every call is answered with.
const BODY: &[u8] = &[b'x'; 200];

/// Starts a server of HTTP/1.1 or HTTP/2 on a thread of its own, which lives as long as the process.
pub(super) fn start(version: Version) -> io::Result<SocketAddr> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    thread::spawn(move || runtime.block_on(serve(listener, version)));
    Ok(address)
}

async fn serve(listener: TcpListener, version: Version) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        // A failure is one of the call, which reports it.
        if version == Version::HTTP_2 {
            let server = http2::Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(io, service_fn(respond));
            tokio::spawn(async { connection.await.ok() });
        } else {
            let connection = http1::Builder::new().serve_connection(io, service_fn(respond));
            tokio::spawn(async { connection.await.ok() });
        }
    }
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(Response::new(Full::from(BODY)))
}
