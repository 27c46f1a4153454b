use std::{
    borrow::Cow,
    error::Error as StdError,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Uri;
use hyper_rustls::HttpsConnector;
use rustls::{CertificateError, Error as TlsError};
use tokio::time::{Timeout, timeout};
use tower_service::Service;

use super::{EgressStream, dial::Dial};
use crate::BoxError;

const UNKNOWN_ISSUER: &str = "certificate of an unknown issuer: set ENKASH_CA_FILE to a PEM file of \
    certificates to trust, or call Egress::trust_file";

type Inner = <HttpsConnector<Dial> as Service<Uri>>::Future;

/// Resolves to a connection that [`EgressConnector`](crate::connect::EgressConnector) makes.
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
        let mut error: BoxError = match ready!(self.inner.as_mut().poll(cx)) {
            Ok(Ok(stream)) => return Poll::Ready(Ok(EgressStream::new(stream))),
            Ok(Err(error)) => error,
            Err(elapsed) => io::Error::new(io::ErrorKind::TimedOut, elapsed).into(),
        };
        if is_of_unknown_issuer(&*error) {
            error = NotConnected::new(UNKNOWN_ISSUER, error).into();
        }
        if let Some(proxy) = &self.proxy {
            let what = format!("no connection through the proxy {proxy}");
            error = NotConnected::new(what, error).into();
        }
        Poll::Ready(Err(error))
    }
}

impl fmt::Debug for EgressConnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressConnecting")
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Says of a failed connection what its cause does not.
#[derive(Debug)]
struct NotConnected {
    what: Cow<'static, str>,
    source: BoxError,
}

impl NotConnected {
    fn new(what: impl Into<Cow<'static, str>>, source: BoxError) -> Self {
        Self {
            what: what.into(),
            source,
        }
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl StdError for NotConnected {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

fn is_of_unknown_issuer(error: &(dyn StdError + 'static)) -> bool {
    use CertificateError::{BadSignature, UnknownIssuer};

    // A signature is bad where another authority of the same name is trusted, such as the one it replaced.
    if let Some(TlsError::InvalidCertificate(UnknownIssuer | BadSignature)) = error.downcast_ref() {
        return true;
    }
    // The source of an `io::Error` is that of the error in it.
    let below = match error.downcast_ref::<io::Error>() {
        Some(error) => error
            .get_ref()
            .map(|error| error as &(dyn StdError + 'static)),
        None => error.source(),
    };
    below.is_some_and(is_of_unknown_issuer)
}
