use std::{net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

/// A TLS terminator in front of a plain server.
pub(super) struct TlsFront {
    pub(super) address: SocketAddr,
    /// Its certificate.
    pub(super) pem: String,
    _serving: JoinSet<()>,
}

impl TlsFront {
    pub(super) async fn start(behind: SocketAddr) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(acceptor.clone(), stream, behind));
            }
        });
        Self {
            address,
            pem: cert.pem(),
            _serving: serving,
        }
    }
}

/// Serves one connection, which may end in any way.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        let mut there = TcpStream::connect(behind).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut there).await;
    }
}
