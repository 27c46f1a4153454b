//! The issuer on a loopback port, for peers that bring their own HTTP client.

use std::{
    io,
    net::{Ipv4Addr, TcpListener as Blocking},
};

use enkash_auth_benches::issuer::Issuer;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves until the runtime ends, and returns the address. Call it inside a runtime.
pub(crate) fn serve(issuer: &Issuer) -> io::Result<String> {
    let listener = Blocking::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    tokio::spawn(accept(listener, issuer.clone()));
    Ok(format!("http://{address}/token"))
}

async fn accept(listener: TcpListener, issuer: Issuer) {
    while let Ok((stream, _)) = listener.accept().await {
        let issuer = issuer.clone();
        let service = service_fn(move |_| issuer.clone().answer());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Fails if the client disconnects.
            let _ = connection.await;
        });
    }
}
