//! The connection to the server, shared by all calls.
//!
//! 1. A connection is used only on the runtime that opened it, because that runtime drives it.
//! 2. A connection is reused only after a call that succeeded, not after one that failed, timed out or
//!    was dropped. So no call waits behind a dropped one, and no late reply is read by another call.
//! 3. Closing a connection does not close the one that replaced it.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use enkash_auth_tower::{BoxError, STORE_TIMEOUT};
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Handle, Id};

use crate::target::Target;

/// The timeout of one call: 50 ms less than that of the cache.
pub(crate) const LIMIT: Duration = STORE_TIMEOUT.saturating_sub(Duration::from_millis(50));

pub(crate) struct Link {
    target: Target,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the latest connection.
    number: u64,
    open: Option<Open>,
}

#[derive(Clone)]
struct Open {
    number: u64,
    runtime: Id,
    connection: MultiplexedConnection,
}

/// The connection, in use by one call. Closed on drop, unless [kept](Self::keep).
pub(crate) struct InUse<'a> {
    link: &'a Link,
    open: Open,
    is_kept: bool,
}

impl Link {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            state: Mutex::default(),
        }
    }

    /// Returns the open connection, if it belongs to the current runtime.
    pub(crate) fn open(&self) -> Option<InUse<'_>> {
        let runtime = Handle::current().id();
        let open = self.lock().open.clone();
        let open = open.filter(|open| open.runtime == runtime)?;
        Some(self.lend(open))
    }

    /// Returns the open connection, or opens a new one.
    pub(crate) async fn connect(&self) -> Result<InUse<'_>, BoxError> {
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let connection = self.target.dial().await?;
        let mut state = self.lock();
        state.number += 1;
        let open = Open {
            number: state.number,
            runtime: Handle::current().id(),
            connection,
        };
        let old = state.open.replace(open.clone());
        drop(state);
        drop(old);
        Ok(self.lend(open))
    }

    fn lend(&self, open: Open) -> InUse<'_> {
        InUse {
            link: self,
            open,
            is_kept: false,
        }
    }

    /// Closes the connection of `number`.
    fn close(&self, number: u64) {
        let closed = self.lock().open.take_if(|open| open.number == number);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse<'_> {
    pub(crate) fn connection(&mut self) -> &mut MultiplexedConnection {
        &mut self.open.connection
    }

    /// Keeps the connection for the next call, because this one succeeded.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.link.close(self.open.number);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
