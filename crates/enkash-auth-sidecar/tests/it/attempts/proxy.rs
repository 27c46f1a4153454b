use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Whether the reply to a piece that a client sends is dropped.
pub(super) type Which = fn(&[u8]) -> bool;

/// A TCP proxy on loopback, whose faults a test sets while it runs.
pub(super) struct Proxy {
    address: SocketAddr,
    faults: Arc<watch::Sender<Faults>>,
    _serving: JoinSet<()>,
}

struct Faults {
    target: SocketAddr,
    /// How many replies are dropped, to which requests.
    dropped: (usize, Which),
    is_held: bool,
    /// The number of connections held back.
    held: usize,
}

impl Proxy {
    pub(super) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (faults, _) = watch::channel(Faults {
            target,
            dropped: (0, |_| false),
            is_held: false,
            held: 0,
        });
        let faults = Arc::new(faults);
        let shared = Arc::clone(&faults);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            faults,
            _serving: serving,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the target, and closes the open connections.
    pub(super) fn point_at(&self, target: SocketAddr) {
        self.faults.send_modify(|faults| faults.target = target);
    }

    /// Forwards the next `times` matching requests, and drops the replies on their connections.
    pub(super) fn drop_replies(&self, times: usize, which: Which) {
        self.faults
            .send_modify(|faults| faults.dropped = (times, which));
    }

    /// Returns how many replies are still to be dropped.
    pub(super) fn replies_to_drop(&self) -> usize {
        self.faults.borrow().dropped.0
    }

    /// Accepts connections, and forwards nothing on them until they are released.
    pub(super) fn hold(&self, is_held: bool) {
        self.faults.send_modify(|faults| faults.is_held = is_held);
    }

    pub(super) fn held(&self) -> usize {
        self.faults.borrow().held
    }
}

async fn serve(mut client: TcpStream, faults: Arc<watch::Sender<Faults>>) {
    let mut watched = faults.subscribe();
    if watched.borrow().is_held {
        faults.send_modify(|faults| faults.held += 1);
        let _ = watched.wait_for(|faults| !faults.is_held).await;
        faults.send_modify(|faults| faults.held -= 1);
    }
    let target = watched.borrow().target;
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_client, mut from_server) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut is_dropped = false;
    loop {
        tokio::select! {
            _ = async { watched.wait_for(|it| it.target != target).await.is_ok() } => return,
            read = client.read(&mut from_client) => {
                let length = read.unwrap_or(0);
                if length == 0 {
                    return;
                }
                let piece = &from_client[..length];
                is_dropped |= faults.send_if_modified(|faults| {
                    let (times, which) = &mut faults.dropped;
                    let is_struck = *times > 0 && which(piece);
                    *times -= usize::from(is_struck);
                    is_struck
                });
                if server.write_all(piece).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let length = read.unwrap_or(0);
                if is_dropped && length > 0 {
                    continue;
                }
                if is_dropped {
                    // The end of the connection is dropped too: the client times out.
                    while client.read(&mut from_client).await.is_ok_and(|length| length > 0) {}
                    return;
                }
                if length == 0 || client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
