use std::{
    error::Error as StdError,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Uri;
use hyper_rustls::HttpsConnector;
use tokio::time::{Timeout, timeout};
use tower_service::Service;

use super::{EgressStream, dial::Dial};
use crate::BoxError;

type Inner = <HttpsConnector<Dial> as Service<Uri>>::Future;

/// Resolves to a connection that [`EgressConnector`](crate::EgressConnector) makes.
///
/// # Cancel safety
///
/// If dropped, no connection is made.
#[must_use = "futures do nothing unless polled"]
pub struct EgressConnecting {
    /// Boxed: hyper-util's client requires `Unpin`.
    inner: Pin<Box<Timeout<Inner>>>,
    /// The proxy, if there is one.
    proxy: Option<Uri>,
}

impl EgressConnecting {
    pub(super) fn new(inner: Inner, limit: Duration, proxy: Option<Uri>) -> Self {
        Self {
            inner: Box::pin(timeout(limit, inner)),
            proxy,
        }
    }
}

impl Future for EgressConnecting {
    type Output = Result<EgressStream, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let error: BoxError = match ready!(self.inner.as_mut().poll(cx)) {
            Ok(Ok(stream)) => return Poll::Ready(Ok(EgressStream::new(stream))),
            Ok(Err(error)) => error,
            Err(elapsed) => io::Error::new(io::ErrorKind::TimedOut, elapsed).into(),
        };
        Poll::Ready(Err(match self.proxy.take() {
            Some(proxy) => NotThrough {
                proxy,
                source: error,
            }
            .into(),
            None => error,
        }))
    }
}

impl fmt::Debug for EgressConnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressConnecting")
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Reports no connection through a proxy: it is unreachable, fails or hangs, or the server behind it is not
/// trusted.
#[derive(Debug)]
struct NotThrough {
    /// Without credentials.
    proxy: Uri,
    source: BoxError,
}

impl fmt::Display for NotThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection through the proxy {}", self.proxy)
    }
}

impl StdError for NotThrough {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
