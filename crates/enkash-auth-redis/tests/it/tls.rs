//! `rediss://`, in a process that has installed no crypto provider.

use std::fs;

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::Store;

use crate::{fleet::Fleet, fleet::LONG, server::Server};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_with_untrusted_certificate_is_rejected() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let pem = certified.cert.pem();
    fs::write(&certificate, &pem).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let _server = Server::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let account = Fleet::new(LONG).await.start("password").account().unwrap();
    let url = format!("rediss://localhost:{port}");
    let trusting = RedisStore::with_certificates(&url, pem.as_bytes()).unwrap();
    trusting.load(&account).await.unwrap();
    let doubting = RedisStore::new(&url).unwrap();
    doubting.load(&account).await.unwrap_err();
    // Not the name in the certificate.
    let url = format!("rediss://127.0.0.1:{port}");
    let other = RedisStore::with_certificates(&url, pem.as_bytes()).unwrap();
    other.load(&account).await.unwrap_err();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
