use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};

use super::dial::Dialed;

static OPENED: AtomicU64 = AtomicU64::new(0);
static CLOSED: AtomicU64 = AtomicU64::new(0);

/// Returns how many connections this process has opened through connectors, and how many of them are open.
pub fn connections() -> (u64, u64) {
    // In this order, so that none is closed that was not opened.
    let closed = CLOSED.load(Ordering::Acquire);
    let opened = OPENED.load(Ordering::Relaxed);
    (opened, opened.saturating_sub(closed))
}

/// Wraps a connection that [`EgressConnector`](crate::connect::EgressConnector) made.
#[derive(Debug)]
pub struct EgressStream {
    inner: MaybeHttpsStream<Dialed>,
    traffic: Traffic,
}

impl EgressStream {
    pub(super) fn new(inner: MaybeHttpsStream<Dialed>) -> Self {
        OPENED.fetch_add(1, Ordering::Relaxed);
        Self {
            inner,
            traffic: Traffic::default(),
        }
    }
}

impl Drop for EgressStream {
    fn drop(&mut self) {
        CLOSED.fetch_add(1, Ordering::Release);
    }
}

/// Counts what goes over a connection. One of its [`extras`](Connected::get_extras).
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Whether a request was written after a response.
    is_reused: AtomicBool,
    /// The reads since the last write: of data, of the end, or failed.
    reads: AtomicU32,
}

impl Traffic {
    /// Returns whether this connection, which has failed, was reused and received nothing in response to its last
    /// request.
    ///
    /// The one read that can have happened since is that of the end or failure; data would be another. A write after
    /// a read begins the next request, also one that fails.
    pub fn died_between_requests(&self) -> bool {
        self.0.is_reused.load(Ordering::Relaxed) && self.0.reads.load(Ordering::Relaxed) <= 1
    }

    fn read(&self) {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
    }

    fn written(&self) {
        if self.0.reads.swap(0, Ordering::Relaxed) > 0 {
            self.0.is_reused.store(true, Ordering::Relaxed);
        }
    }
}

impl Connection for EgressStream {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.traffic.clone())
    }
}

impl Read for EgressStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        self.traffic.read();
        Poll::Ready(read)
    }
}

impl Write for EgressStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        self.traffic.written();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, bufs));
        self.traffic.written();
        Poll::Ready(written)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/traffic.rs"]
mod tests;
