//! `rediss://`, in a process that has installed no crypto provider.

use std::{fs, time::Duration};

use enkash_auth_core::{Clock, SystemClock};
use enkash_auth_redis::{RedisStore, tower::TokenStore};

use crate::{fleet::Fleet, server::Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_believed_by_its_certificate_only() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let pem = certified.cert.pem();
    fs::write(&certificate, &pem).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tls_port.local_addr().unwrap().port();
    drop(tls_port);
    let port = port.to_string();
    let Some(_server) = Server::start(&[
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
    .await
    else {
        return;
    };
    let url = format!("rediss://localhost:{port}");
    let (endpoint, now) = (fleet.endpoint("password"), SystemClock.now());
    let trusting = RedisStore::with_certificates(&url, pem.as_bytes()).unwrap();
    trusting.load(endpoint.principal(), now).await.unwrap();
    let doubting = RedisStore::new(&url).unwrap();
    doubting.load(endpoint.principal(), now).await.unwrap_err();
    // Not the name in the certificate.
    let url = format!("rediss://127.0.0.1:{port}");
    let other = RedisStore::with_certificates(&url, pem.as_bytes()).unwrap();
    other.load(endpoint.principal(), now).await.unwrap_err();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
