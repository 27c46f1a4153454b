//! `rediss://`, in a process that has installed no crypto provider.

use std::fs;

use enkash_auth_tower::{ErrorKind, Store};

use crate::{
    fleet::{Fleet, LONG},
    support::certified::Certified,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_with_untrusted_certificate_is_rejected() {
    let server = Certified::start("no").await;
    let account = Fleet::new(LONG).await.start("password").account().unwrap();
    let [pem, _] = server.files().map(|file| fs::read(file).unwrap());
    let trusting = server.store("localhost").certificates(&pem).unwrap();
    trusting.load(&account).await.unwrap();
    let doubting = server.store("localhost");
    doubting.load(&account).await.unwrap_err();
    // Not the name in the certificate.
    let other = server.store("127.0.0.1").certificates(&pem).unwrap();
    other.load(&account).await.unwrap_err();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn client_certificate_is_shown() {
    let server = Certified::start("yes").await;
    let account = Fleet::new(LONG).await.start("password").account().unwrap();
    let [pem, key] = server.files().map(|file| fs::read(file).unwrap());
    let trusting = server.store("localhost").certificates(&pem).unwrap();
    trusting.load(&account).await.unwrap_err();
    let shown = trusting.clone().client_certificate(&pem, &key);
    shown.unwrap().load(&account).await.unwrap();
    for (chain, key) in [
        (&b""[..], &key[..]),
        (&pem, b""),
        (&pem, b"-----BEGIN hunter2"),
    ] {
        let error = trusting.clone().client_certificate(chain, key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
