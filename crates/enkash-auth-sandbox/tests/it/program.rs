//! The program `enkash-sandbox`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A running program, killed when the test is over.
struct Program(Child);

impl Program {
    fn start(args: &[&str]) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_enkash-sandbox"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line.trim().strip_prefix("listening on http://").unwrap();
        (Self(child), addr.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn exchange(addr: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_where_it_listens_and_grants() {
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--lifetime",
        "30",
        "--access-key",
        "ak",
    ];
    let (_program, addr) = Program::start(&args);
    let body = r#"{"accessKey":"ak","secretKey":"secret-key"}"#;
    let answer = exchange(
        &addr,
        &format!(
            "POST /api/v0/merchant/token HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""resultCode":200"#), "{answer}");

    let status = exchange(
        &addr,
        &format!("GET /-/sandbox/status HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n"),
    );
    assert!(status.contains(r#""grants":1"#), "{status}");
    assert!(status.contains(r#""lifetime":30"#), "{status}");
}

#[test]
fn help_teaches_a_first_call() {
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
fn a_senseless_lifetime_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_enkash-sandbox"))
        .args(["--lifetime", "-5"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}
