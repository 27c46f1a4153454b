//! A TCP proxy before the server that counts round trips, delays replies, or dies silently.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

/// A text in every written record.
const RECORD: &[u8] = b"enkash-auth record";

#[derive(Clone)]
pub(crate) struct Wire {
    port: u16,
    how: watch::Sender<How>,
    open: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    round_trips: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default)]
struct How {
    /// Connections before this number are dead.
    living: usize,
    /// Requests of connections before this number are lost.
    heard: usize,
    holds: Holds,
}

/// Which replies are held back.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(crate) enum Holds {
    #[default]
    None,
    /// Replies to the write of a record.
    Writes,
    All,
    /// None, and passes 16 bytes in 10 ms.
    Slowly,
}

/// One connection.
#[derive(Default)]
struct Line {
    number: usize,
    has_written: AtomicBool,
    /// Whether the last data came from the server.
    is_answered: AtomicBool,
}

impl Wire {
    /// Starts a proxy to the server on `port`.
    pub(crate) async fn new(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            how: watch::Sender::default(),
            open: Arc::default(),
            opened: Arc::default(),
            round_trips: Arc::default(),
        };
        let own = wire.clone();
        tokio::spawn(async move {
            for number in 1.. {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(own.clone().pass(number, client, server));
            }
        });
        wire
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the number of open client connections.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Returns the number of client connections so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Returns the number of round trips: client data that is first or follows server data.
    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::SeqCst)
    }

    pub(crate) fn hold(&self, holds: Holds) {
        self.how.send_modify(|how| how.holds = holds);
    }

    /// Silently kills the first `count` connections.
    pub(crate) fn die(&self, count: usize) {
        self.how.send_modify(|how| how.living = count + 1);
    }

    /// Loses the requests of the first `count` connections from now on, and no response.
    pub(crate) fn lose_requests(&self, count: usize) {
        self.how.send_modify(|how| how.heard = count + 1);
    }

    async fn pass(self, number: usize, client: TcpStream, server: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.opened.fetch_add(1, Ordering::SeqCst);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let line = Arc::new(Line {
            number,
            is_answered: true.into(),
            ..Line::default()
        });
        let answering =
            tokio::spawn((self.clone()).response(Arc::clone(&line), from_server, to_client));
        self.ask(&line, from_client, to_server).await;
        answering.abort();
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn ask(&self, line: &Line, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let how = *self.how.borrow();
            let asked = &bytes[..length];
            if line.is_answered.swap(false, Ordering::SeqCst) {
                self.round_trips.fetch_add(1, Ordering::SeqCst);
            }
            let is_record = asked.windows(RECORD.len()).any(|part| part == RECORD);
            if is_record && how.holds == Holds::Writes {
                line.has_written.store(true, Ordering::SeqCst);
            }
            // The server may be gone.
            let is_heard = line.number >= how.living.max(how.heard);
            if is_heard && to.write_all(asked).await.is_err() {
                return;
            }
        }
    }

    async fn response(self, line: Arc<Line>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (mut bytes, mut how) = (vec![0; 1 << 16], self.how.subscribe());
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            line.is_answered.store(true, Ordering::SeqCst);
            let passes = |how: &How| match how.holds {
                Holds::None | Holds::Slowly => true,
                Holds::Writes => !line.has_written.load(Ordering::SeqCst),
                Holds::All => false,
            };
            let how = *how.wait_for(passes).await.unwrap();
            let (part, pause) = match how.holds {
                Holds::Slowly => (16, Duration::from_millis(10)),
                _ => (length, Duration::ZERO),
            };
            for part in bytes[..length].chunks(part) {
                sleep(pause).await;
                // The client may be gone.
                if line.number >= how.living && to.write_all(part).await.is_err() {
                    return;
                }
            }
        }
    }
}
