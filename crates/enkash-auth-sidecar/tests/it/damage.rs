//! A damaged account record closes the account until it is reset.
#![cfg(unix)]

use std::fs;

use enkash_auth_sandbox::Rules;
use http::StatusCode;

use super::{host::Host, requests::call};

#[tokio::test(flavor = "multi_thread")]
async fn truncated_record_sends_nothing_and_is_logged() {
    let host = Host::new(Rules::new()).await;
    let sidecar = host.start().await;
    assert_eq!(call(&sidecar).await.status, StatusCode::OK);
    sidecar.kill().await;

    let mut cut_off = 0;
    for entry in fs::read_dir(host.state.path().join("enkash-auth")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|of| of == "record") {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            cut_off += 1;
        }
    }
    assert_eq!(cut_off, 1);

    let sidecar = host.start().await;
    assert_eq!(call(&sidecar).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(host.requests(), 1);
    let printed = sidecar.kill().await;
    let mut lines = printed.lines();
    let is_logged = |line: &str| line.contains(" ERROR ") && line.contains("record is damaged");
    assert!(lines.any(is_logged), "{printed}");
}
