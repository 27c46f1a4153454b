use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use enkash_auth_tower::BoxError;
use http::{Method, Request, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

/// The bytes of a large body.
pub(crate) const LARGE: usize = 1024 * 1024;

/// A response to GET of this path is large.
pub(crate) const LARGE_PATH: &str = "/api/v0/statements";

const SMALL_PATH: &str = "/api/v0/cards?page=1";

/// How many calls each connection makes before they count.
const WARM_UP: usize = 4;

/// The measured loads, in the order of the table.
pub(crate) const LOADS: [Load; 4] = [
    Load::new(16, Method::GET, SMALL_PATH, 1),
    Load::new(256, Method::GET, SMALL_PATH, 1),
    Load::new(16, Method::GET, LARGE_PATH, 20),
    Load::new(16, Method::POST, LARGE_PATH, 20),
];

/// The load of which connections are counted.
pub(crate) const CROWD: Load = Load::new(512, Method::GET, SMALL_PATH, 1);

/// Callers that each call again once they have the response.
pub(crate) struct Load {
    connections: usize,
    method: Method,
    path: &'static str,
    /// Of so many small calls, it makes one.
    divisor: usize,
}

impl Load {
    const fn new(connections: usize, method: Method, path: &'static str, divisor: usize) -> Self {
        Self {
            connections,
            method,
            path,
            divisor,
        }
    }

    /// Opens the connections, and makes some calls on each.
    pub(crate) async fn open(&self, address: SocketAddr) -> Result<Vec<Caller>, BoxError> {
        let mut callers = Vec::new();
        for _ in 0..self.connections {
            callers.push(Caller::connect(address).await?);
        }
        self.call(callers, WARM_UP * self.connections).await
    }

    /// Returns how many calls are made in place of so many small ones.
    pub(crate) fn of(&self, calls: usize) -> usize {
        calls.div_ceil(self.divisor)
    }

    /// Makes so many calls, and returns the connections.
    ///
    /// # Errors
    ///
    /// If one fails, or its status is not 200.
    pub(crate) async fn call(
        &self,
        callers: Vec<Caller>,
        calls: usize,
    ) -> Result<Vec<Caller>, BoxError> {
        let (begun, mut running) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let sent = if self.method == Method::POST {
            LARGE
        } else {
            0
        };
        let body = Bytes::from(vec![b'x'; sent]);
        for mut caller in callers {
            let (begun, body) = (Arc::clone(&begun), body.clone());
            let (method, path) = (self.method.clone(), self.path);
            running.spawn(async move {
                while begun.fetch_add(1, Relaxed) < calls {
                    caller.call(method.clone(), path, body.clone()).await?;
                }
                Ok(caller)
            });
        }
        let callers = running.join_all().await;
        callers.into_iter().collect()
    }
}

/// A connection to a proxy.
pub(crate) struct Caller {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Caller {
    async fn connect(address: SocketAddr) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async { connection.await.ok() });
        Ok(Self {
            host: address.to_string(),
            sender,
        })
    }

    async fn call(&mut self, method: Method, path: &str, body: Bytes) -> Result<(), BoxError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header("accept", "application/json")
            .header("user-agent", "bench")
            .body(Full::from(body))?;
        self.sender.ready().await?;
        let mut response = self.sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()).into());
        }
        while let Some(frame) = response.frame().await {
            frame?;
        }
        Ok(())
    }
}
