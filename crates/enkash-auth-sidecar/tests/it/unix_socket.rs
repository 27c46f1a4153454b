//! `--listen unix:PATH`.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use enkash_auth_sandbox::{Rules, Sandbox};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::{
    host::state,
    process::Sidecar,
    stage::{Dialect, command, issuer, sandbox},
};

struct Socket {
    sandbox: Sandbox,
    directory: TempDir,
}

impl Socket {
    async fn new() -> Self {
        Self {
            sandbox: sandbox(issuer(Rules::new())).await,
            directory: state(),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("sidecar")
    }

    fn address(&self) -> String {
        format!("unix:{}", self.path().display())
    }

    async fn start(&self, args: &[&str]) -> Sidecar {
        let mut command = command(&self.sandbox, Dialect::Form);
        command.args(args);
        Sidecar::start_on(command, &self.address()).await
    }

    /// Starts one that cannot listen, and returns what it prints.
    fn fail(&self) -> String {
        let mut command = command(&self.sandbox, Dialect::Form);
        let output = command
            .args(["--listen", &self.address()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }
}

async fn status(path: &Path, host: &str) -> u16 {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let head = format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_socket_serves_calls() {
    let socket = Socket::new().await;
    let sidecar = socket.start(&[]).await;
    assert_eq!(sidecar.listening(), [socket.address()]);
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:80", 200),
        ("evil.example", 421),
    ] {
        assert_eq!(status(&socket.path(), host).await, expected, "{host}");
    }
    sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_socket_has_the_mode_and_is_removed_at_exit() {
    let socket = Socket::new().await;
    for (args, expected) in [(&[][..], 0o600), (&["--socket-mode", "640"], 0o640)] {
        let sidecar = socket.start(args).await;
        let mode = fs::metadata(socket.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected);
        sidecar.terminate();
        assert_eq!(sidecar.wait().await.0.code(), Some(0));
        assert!(!socket.path().exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_unix_socket_is_replaced() {
    let socket = Socket::new().await;
    socket.start(&[]).await.kill().await;
    assert!(socket.path().exists(), "killed, it removes nothing");
    let sidecar = socket.start(&[]).await;
    assert_eq!(status(&socket.path(), "localhost").await, 200);
    sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_socket_in_use_is_not_replaced() {
    let socket = Socket::new().await;
    let sidecar = socket.start(&[]).await;
    assert!(socket.fail().contains("in use"), "{}", socket.fail());
    assert_eq!(status(&socket.path(), "localhost").await, 200);
    sidecar.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_no_socket_is_not_replaced() {
    let socket = Socket::new().await;
    fs::write(socket.path(), "content").unwrap();
    assert!(socket.fail().contains("--listen"), "{}", socket.fail());
    assert_eq!(fs::read(socket.path()).unwrap(), b"content");
}
