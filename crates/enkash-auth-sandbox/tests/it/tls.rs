//! TLS, with a certificate created at the start.

use std::sync::Arc;

use enkash_auth_sandbox::{Sandbox, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

async fn start() -> Sandbox {
    let tls = Tls::new().name("sandbox.test");
    Sandbox::builder().tls(tls).start().await.unwrap()
}

async fn connect(
    sandbox: &Sandbox,
    name: &'static str,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let authority = sandbox.certificate_authority().unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_slice(authority.der()))
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn client_that_trusts_authority_is_served() {
    let sandbox = start().await;
    assert!(sandbox.base_url().starts_with("https://127.0.0.1:"));
    for name in ["127.0.0.1", "localhost", "sandbox.test"] {
        let mut stream = connect(&sandbox, name, b"http/1.1").await.unwrap();
        let request = b"GET /any HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(
            response.starts_with("HTTP/1.1 401 Unauthorized"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn alpn_offers_http_2() {
    let sandbox = start().await;
    let mut stream = connect(&sandbox, "localhost", b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    // The preface and an empty SETTINGS frame; the server sends its own first.
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(hello).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4);
}

#[tokio::test]
async fn other_name_or_authority_is_not_trusted() {
    let sandbox = start().await;
    let error = connect(&sandbox, "example.com", b"h2").await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");

    let pems =
        [&sandbox, &start().await].map(|it| it.certificate_authority().unwrap().pem().to_owned());
    assert_ne!(pems[0], pems[1]);
}

#[tokio::test]
async fn invalid_name_is_an_error() {
    let tls = Tls::new().name("täglich.test");
    assert!(Sandbox::builder().tls(tls).start().await.is_err());
}
