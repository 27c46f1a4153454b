//! Helpers for unit and integration tests over sockets.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::{sync::mpsc, time::Duration};

#[cfg(target_os = "linux")]
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Holds a paused clock, which otherwise advances while the runtime waits for a socket. A test that hangs
/// loses the hold after a minute, and fails.
pub(crate) struct HeldClock {
    _until_dropped: mpsc::Sender<()>,
}

impl HeldClock {
    pub(crate) fn new() -> Self {
        let (until_dropped, dropped) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || dropped.recv_timeout(Duration::from_secs(60)));
        Self {
            _until_dropped: until_dropped,
        }
    }
}

/// A listener whose queue is full: Linux drops each SYN, and a connection to it is neither established
/// nor fails.
#[cfg(target_os = "linux")]
pub(crate) struct FullListener {
    listener: TcpListener,
    _queued: TcpStream,
}

#[cfg(target_os = "linux")]
impl FullListener {
    pub(crate) async fn new(address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4().unwrap(),
            SocketAddr::V6(_) => TcpSocket::new_v6().unwrap(),
        };
        socket.bind(address).unwrap();
        // A queue of length 0 has room for one.
        let listener = socket.listen(0).unwrap();
        let queued = TcpStream::connect(listener.local_addr().unwrap()).await;
        Self {
            listener,
            _queued: queued.unwrap(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}
