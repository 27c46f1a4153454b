use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinSet,
};

/// How the proxy handles a `CONNECT`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Tunnels to this address, whatever the target.
    Tunnel(SocketAddr),
    /// The same, once it has sent this head.
    TunnelAfter(&'static str, SocketAddr),
    /// Sends these bytes and closes.
    Answer(&'static str),
    /// Sends nothing and keeps the connection open.
    Hang,
}

/// A proxy on a socket, which keeps all that its clients send, also through a tunnel.
pub(crate) struct ConnectProxy {
    address: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    heads: Mutex<Vec<String>>,
    tunnelled: Mutex<Vec<u8>>,
    asked: Notify,
}

impl ConnectProxy {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let mut serving = JoinSet::new();
        serving.spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(serve(stream, manner, Arc::clone(&seen)));
                }
            }
        });
        Self {
            address,
            seen,
            serving,
        }
    }

    /// Closes all connections, and stops listening.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }

    /// Returns its host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the request heads it received, one per connection.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.heads.lock().unwrap().clone()
    }

    /// Returns what its clients sent through tunnels, as encrypted by TLS.
    pub(crate) fn tunnelled(&self) -> Vec<u8> {
        self.seen.tunnelled.lock().unwrap().clone()
    }

    /// Waits until it has received a request.
    pub(crate) async fn asked(&self) {
        self.seen.asked.notified().await;
    }
}

/// Serves one connection, which may end in any way without affecting the others.
async fn serve(mut stream: TcpStream, manner: Manner, seen: Arc<Seen>) {
    let Ok(head) = read_head(&mut stream).await else {
        return;
    };
    seen.heads.lock().unwrap().push(head);
    seen.asked.notify_one();
    match manner {
        Manner::Hang => std::future::pending().await,
        Manner::Answer(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
        Manner::Tunnel(target) => {
            let head = "HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n";
            let _ = tunnel(stream, head, target, &seen).await;
        }
        Manner::TunnelAfter(head, target) => {
            let _ = tunnel(stream, head, target, &seen).await;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

async fn tunnel(
    mut stream: TcpStream,
    head: &str,
    target: SocketAddr,
    seen: &Seen,
) -> io::Result<()> {
    let there = TcpStream::connect(target).await?;
    stream.write_all(head.as_bytes()).await?;
    let (mut from_server, to_server) = there.into_split();
    let (from_client, mut to_client) = stream.into_split();
    let back = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(forth(from_client, to_server, seen), back)?;
    Ok(())
}

async fn forth(
    mut from_client: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    seen: &Seen,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = from_client.read(&mut buffer).await?;
        if length == 0 {
            return to_server.shutdown().await;
        }
        let (piece, _) = buffer.split_at(length);
        seen.tunnelled.lock().unwrap().extend_from_slice(piece);
        to_server.write_all(piece).await?;
    }
}
