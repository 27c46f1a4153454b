use std::{io, process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    address::Address,
    caller_key::{CALLER_KEY, CallerKey},
    failure::Failure,
};

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The beginning of a response with status 200.
const OK: &[u8; 13] = b"HTTP/1.1 200 ";

/// Requests `path` from the listener at `address`, and succeeds if the status is 200.
pub(crate) async fn probe(
    address: &Address,
    path: &str,
    key: Option<CallerKey>,
) -> Result<ExitCode, Failure> {
    let key = key.map(|key| format!("{CALLER_KEY}: {}\r\n", key.as_str()));
    let key = key.unwrap_or_default();
    let exchange = async {
        let (mut stream, host) = address.connect().await?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{key}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut start = [0; OK.len()];
        stream.read_exact(&mut start).await?;
        Ok::<_, io::Error>(start)
    };
    let why = match timeout(TIMEOUT, exchange).await {
        Ok(Ok(start)) if start == *OK => return Ok(ExitCode::SUCCESS),
        Ok(Ok(start)) => String::from_utf8_lossy(&start).trim().to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "timed out".to_owned(),
    };
    Err(Failure::other(format!("{address}: GET {path}: {why}")))
}
