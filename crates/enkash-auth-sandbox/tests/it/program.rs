//! The program `enkash-sandbox`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A running program, killed on drop.
struct Program(Child);

impl Program {
    fn start(args: &[&str]) -> (Self, String) {
        Self::start_at("http", args)
    }

    fn start_at(scheme: &str, args: &[&str]) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_enkash-sandbox"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let prefix = format!("listening on {scheme}://");
        let addr = line.trim().strip_prefix(&prefix).unwrap();
        (Self(child), addr.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn exchange(addr: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn program_prints_address_and_grants_token() {
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--lifetime",
        "30",
        "--access-key",
        "ak",
        "--partner-id",
        "P1",
    ];
    let (_program, addr) = Program::start(&args);
    let body = r#"{"accessKey":"ak","secretKey":"secret-key"}"#;
    let response = exchange(
        &addr,
        &format!(
            "POST /api/v0/merchant/token HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains(r#""resultCode":200"#), "{response}");

    let (_, token) = response.split_once(r#""token":""#).unwrap();
    let (token, _) = token.split_once('"').unwrap();
    let call = exchange(
        &addr,
        &format!(
            "GET /api HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n\r\n"
        ),
    );
    assert!(call.contains("Missing or wrong partnerId"), "{call}");

    let status = exchange(
        &addr,
        &format!("GET /-/sandbox/status HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n"),
    );
    assert!(status.contains(r#""grants":1"#), "{status}");
    assert!(status.contains(r#""lifetime":30"#), "{status}");
}

#[test]
fn program_starts_with_options() {
    let ca_file = std::env::temp_dir().join(format!("enkash-sandbox-{}.pem", std::process::id()));
    let args = [
        ["--listen", "127.0.0.1:0"],
        ["--clock-offset", "-3600"],
        ["--stated", "hour-ago"],
        ["--lock-after", "0"],
        ["--payment-gateway", "400"],
        ["--accepted-after", "1.5"],
    ];
    let (_program, addr) = Program::start(args.as_flattened());
    let status = exchange(
        &addr,
        &format!("GET /-/sandbox/status HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n"),
    );
    for part in [
        r#""offset":-3600.0"#,
        r#""stated":"hour-ago""#,
        r#""lock_after":0"#,
        r#""payment_gateway":400"#,
        r#""accepted_after":1.5"#,
    ] {
        assert!(status.contains(part), "{part} is not in {status}");
    }

    let file = ca_file.to_str().unwrap();
    let (_program, url) = Program::start_at(
        "https",
        &["--listen", "127.0.0.1:0", "--tls", "--ca-file", file],
    );
    assert!(url.starts_with("127.0.0.1:"));
    let pem = std::fs::read_to_string(&ca_file).unwrap();
    std::fs::remove_file(&ca_file).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[cfg(unix)]
#[test]
fn sigterm_exits_with_success() {
    let (mut program, _addr) = Program::start(&["--listen", "127.0.0.1:0"]);
    let kill = format!("kill {}", program.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn help_shows_first_call() {
    let output = Command::new(env!("CARGO_BIN_EXE_enkash-sandbox"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["curl", "client-secret", "/-/sandbox/status", "--lifetime"] {
        assert!(help.contains(word), "{word} is missing");
    }
}

#[test]
fn invalid_lifetime_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_enkash-sandbox"))
        .args(["--lifetime", "-5"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}
