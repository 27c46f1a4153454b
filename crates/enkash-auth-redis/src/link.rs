//! The connection to the server.
//!
//! 1. A connection is used on the runtime that opened it: that of another may never be driven.
//! 2. After any error it is not used again; the next call opens another, once.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use enkash_auth_tower::{BoxError, STORE_TIMEOUT};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Handle, Id},
};

use crate::target::Target;

/// How long one call may take: 50 ms less than a cache waits for it, so that a connection that does not
/// answer is known and not used again.
pub(crate) const LIMIT: Duration = STORE_TIMEOUT.saturating_sub(Duration::from_millis(50));

pub(crate) fn late() -> BoxError {
    "redis did not answer in time".into()
}

pub(crate) struct Link {
    pub(crate) target: Target,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::Tls,
    open: Mutex<Option<Open>>,
}

struct Open {
    runtime: Id,
    connection: MultiplexedConnection,
}

impl Link {
    #[cfg(feature = "tls")]
    pub(crate) fn new(target: Target, tls: crate::tls::Tls) -> Self {
        Self {
            target,
            tls,
            open: Mutex::default(),
        }
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            open: Mutex::default(),
        }
    }

    /// The connection that is open.
    pub(crate) fn open(&self) -> Option<MultiplexedConnection> {
        let runtime = Handle::current().id();
        let open = self.lock();
        let open = open.as_ref().filter(|open| open.runtime == runtime);
        open.map(|open| open.connection.clone())
    }

    /// A new connection, which is open from now on.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, BoxError> {
        let connection = self.dial().await?;
        let open = Open {
            runtime: Handle::current().id(),
            connection: connection.clone(),
        };
        let old = self.lock().replace(open);
        drop(old);
        Ok(connection)
    }

    /// Uses what is open no more.
    pub(crate) fn close(&self) {
        let old = self.lock().take();
        drop(old);
    }

    async fn dial(&self) -> Result<MultiplexedConnection, BoxError> {
        let Target { host, port, .. } = &self.target;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if self.target.is_tls {
            return self.greet(self.tls.connect(host, stream).await?).await;
        }
        self.greet(stream).await
    }

    async fn greet(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<MultiplexedConnection, BoxError> {
        // What a call may take is bounded as a whole, see `RedisStore`.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let login = &self.target.login;
        let (connection, driver) =
            MultiplexedConnection::new_with_config(login, stream, config).await?;
        tokio::spawn(driver);
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
