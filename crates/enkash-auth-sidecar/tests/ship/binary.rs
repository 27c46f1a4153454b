//! The program, linked statically as it is shipped, but not optimised.

use std::{env::consts::ARCH, fs, path::Path, process::Command};

use enkash_auth_sandbox::Sandbox;
use http::{Request, StatusCode};

use super::{
    process::Sidecar,
    stage::{assert_serves_call, configure, status},
};

/// What a sidecar that serves calls may allocate. As shipped, it has no more than 15 MiB resident: its code, which is
/// optimised there, takes 7.
const ALLOCATED: u64 = 5 << 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program for musl"]
async fn static_binary_serves_calls_in_empty_root() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let built = target.join(format!("{ARCH}-unknown-linux-musl/debug/enkash-sidecar"));
    let root = tempfile::tempdir().unwrap();
    fs::copy(&built, root.path().join("enkash-sidecar")).unwrap();

    let sandbox = Sandbox::builder().start().await.unwrap();
    // Both replace themselves, so that signals reach the program.
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "chroot"])
        .arg(root.path())
        .arg("/enkash-sidecar")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("ENKASH_TOKEN_STORE", "file:/state");
    configure(&mut command, &sandbox);
    let sidecar = Sidecar::start(command).await;
    assert_serves_call(&sandbox, sidecar.address()).await;
    for _ in 0..100 {
        let call = Request::get(format!("http://{}/api/v0/any", sidecar.address()));
        assert_eq!(status(call).await, StatusCode::OK);
    }
    if let Some(allocated) = sidecar.memory("RssAnon:") {
        assert!(allocated < ALLOCATED, "{} KiB", allocated >> 10);
    }
    sidecar.terminate();
    let (exit, output) = sidecar.wait().await;
    assert!(exit.success(), "{output}");
    assert!(root.path().join("state").is_dir(), "{output}");
}
