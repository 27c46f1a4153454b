//! The connection to the server.
//!
//! 1. A connection is used on the runtime that opened it: that of another may never be driven.
//! 2. After any error it is not used again; the next call opens another, once.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use enkash_auth_tower::BoxError;
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Handle, Id},
};

use crate::target::Target;

pub(crate) struct Link {
    pub(crate) target: Target,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::Tls,
    open: Mutex<Option<Open>>,
}

#[derive(Clone)]
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

    /// The connection that is open, and true; or a new one.
    pub(crate) async fn connection(&self) -> Result<(MultiplexedConnection, bool), BoxError> {
        let runtime = Handle::current().id();
        let open = self.lock().clone();
        if let Some(open) = open.filter(|open| open.runtime == runtime) {
            return Ok((open.connection, true));
        }
        let connection = self.connect().await?;
        let open = Open {
            runtime,
            connection: connection.clone(),
        };
        let old = self.lock().replace(open);
        drop(old);
        Ok((connection, false))
    }

    /// Uses what is open no more.
    pub(crate) fn close(&self) {
        let old = self.lock().take();
        drop(old);
    }

    async fn connect(&self) -> Result<MultiplexedConnection, BoxError> {
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
