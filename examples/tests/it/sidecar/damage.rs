//! Files of the store that are not as they were written: each is a warning, and no call fails.
#![cfg(unix)]

use std::fs;

use enkash_auth_sandbox::Rules;
use http::StatusCode;

use super::{ask::call, host::Host};

/// What a sidecar prints that finds the file of this kind cut off.
async fn printed_where_cut_off(kind: &str) -> String {
    let host = Host::new(Rules::new()).await;
    let sidecar = host.start().await;
    assert_eq!(call(&sidecar).await.status, StatusCode::OK);
    sidecar.kill().await;

    let mut cut_off = 0;
    for entry in fs::read_dir(host.state.path().join("enkash-auth")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|of| of == kind) {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            cut_off += 1;
        }
    }
    assert_eq!(cut_off, 1);

    let sidecar = host.start().await;
    assert_eq!(call(&sidecar).await.status, StatusCode::OK);
    assert_eq!(host.requests(), 2);
    sidecar.kill().await
}

fn warns(printed: &str, of: &str) -> bool {
    let mut lines = printed.lines();
    lines.any(|line| line.contains(" WARN ") && line.contains(of))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_cut_off_is_warned_of_and_fetched_anew() {
    let printed = printed_where_cut_off("token").await;
    assert!(
        warns(&printed, "the stored token cannot be used"),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_cut_off_is_warned_of_and_kept_beside() {
    let printed = printed_where_cut_off("strikes").await;
    assert!(
        warns(&printed, "the record of attempts cannot be read"),
        "{printed}"
    );
    assert!(warns(&printed, ".strikes.bad"), "{printed}");
}
