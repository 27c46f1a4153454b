//! A server that returns any bytes of a test.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The bytes of a response; `None` for no response.
pub(crate) type RawResponse = Option<Vec<u8>>;

/// A server, stopped on drop.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    /// Starts a server that returns `response` of each request's text.
    pub(crate) async fn start(
        response: impl Fn(&str) -> RawResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (all, response) = (Arc::clone(&seen), Arc::new(response));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, response) = (Arc::clone(&all), Arc::clone(&response));
                connections.spawn(async move {
                    let request = read(&mut stream).await;
                    seen.lock().unwrap().push(request.clone());
                    let Some(bytes) = response(&request) else {
                        return std::future::pending().await;
                    };
                    // Fails if the client disconnects early.
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Reads a request to its end by `Content-Length`.
async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

/// Returns a response with this status and further header lines.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> RawResponse {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    Some(head.into_bytes())
}

/// Returns a grant of `token`.
pub(crate) fn grant(token: &str) -> RawResponse {
    let body = format!(
        r#"{{"access_token":"{token}","refresh_token":"{token}","expires_in":600,"expiry":"{token}"}}"#
    );
    response("200 OK", "content-type: application/json\r\n", &body)
}
