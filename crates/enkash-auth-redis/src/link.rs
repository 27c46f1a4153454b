//! The connections to the server: one for each runtime, shared by its calls.
//!
//! 1. A connection is used only on the runtime that opened it, because that runtime drives it.
//! 2. It is opened by a task of its own: concurrent calls share one dial, which goes on when they have timed out.
//! 3. A call that fails or is late closes the connection on which it was sent, and not the one that replaced it.
//!    Other calls that were sent on it are waited for.
//! 4. A call is late if the task that drives its connection has written it, and then, when the timeout has passed,
//!    has read no response: a busy runtime is not taken for a late server.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use enkash_auth_tower::{BoxError, internal::Queue};
use redis::{FromRedisValue, Pipeline, aio::MultiplexedConnection};
use tokio::{
    runtime::{Handle, Id},
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::timeout,
};

use crate::target::{SLOTS, Target};

/// Limits a dial: a lost packet is sent again after a second.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Link {
    target: Arc<Target>,
    queue: Queue,
    open: Mutex<HashMap<Id, Arc<Connection>>>,
}

/// A connection that is being opened, or is open. It is closed on drop.
struct Connection {
    /// Closed with the connection.
    dialed: watch::Receiver<Option<Dialed>>,
    /// Dropped once the connection has been driven.
    turns: mpsc::UnboundedSender<oneshot::Sender<()>>,
    driver: AbortHandle,
}

type Dialed = Result<MultiplexedConnection, Arc<dyn Error + Send + Sync>>;

impl Link {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            queue: Queue::new(SLOTS),
            open: Mutex::default(),
        }
    }

    /// Makes a call. If it fails, or has no response within the first of the `timeouts`, it is sent once more, over
    /// another connection, and so on.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        call: &Pipeline,
        timeouts: &[Duration],
    ) -> Result<T, BoxError> {
        let slot = self.queue.enter().await?;
        let mut failed = late();
        for limit in timeouts {
            let connection = self.connection();
            match connection.call(call, *limit).await {
                Ok(result) => {
                    slot.responded();
                    return Ok(result);
                }
                Err(error) => failed = error,
            }
            // A dial that is late goes on.
            if connection.is_dialed() {
                self.close(&connection);
            }
        }
        Err(failed)
    }

    /// Returns the connection of the current runtime, or opens one.
    fn connection(&self) -> Arc<Connection> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, connection| connection.is_open());
        let dial = || Arc::new(Connection::dial(Arc::clone(&self.target)));
        Arc::clone(open.entry(Handle::current().id()).or_insert_with(dial))
    }

    /// Closes `closed` once the calls that use it have ended, unless another has replaced it.
    fn close(&self, closed: &Arc<Connection>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, connection| !Arc::ptr_eq(connection, closed));
    }
}

impl Connection {
    fn dial(target: Arc<Target>) -> Self {
        let (sender, dialed) = watch::channel(None);
        let (turns, mut asked) = mpsc::unbounded_channel();
        let driving = tokio::spawn(async move {
            match timeout(DIAL_TIMEOUT, target.dial()).await {
                Ok(Ok((connection, driver))) => {
                    sender.send_replace(Some(Ok(connection)));
                    let mut driver = pin!(driver);
                    poll_fn(|cx| {
                        // Dropped once the driver was polled.
                        let mut turns = Vec::new();
                        while let Poll::Ready(Some(turn)) = asked.poll_recv(cx) {
                            turns.push(turn);
                        }
                        driver.as_mut().poll(cx)
                    })
                    .await;
                }
                Ok(Err(error)) => drop(sender.send_replace(Some(Err(error.into())))),
                Err(_) => {}
            }
        });
        Self {
            dialed,
            turns,
            driver: driving.abort_handle(),
        }
    }

    /// Waits until it is open.
    async fn dialed(&self) -> Result<MultiplexedConnection, BoxError> {
        let mut dialed = self.dialed.clone();
        match dialed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(connection))) => Ok(connection.clone()),
            Ok(Some(Err(error))) => Err(Box::new(Arc::clone(error))),
            Ok(None) | Err(_) => Err("redis could not be connected to in time".into()),
        }
    }

    /// Makes a call. It is late if the dial or the response takes longer than `limit`.
    async fn call<T: FromRedisValue>(
        &self,
        call: &Pipeline,
        limit: Duration,
    ) -> Result<T, BoxError> {
        let mut dialed = timeout(limit, self.dialed()).await.map_err(|_| late())??;
        let mut call = pin!(call.query_async(&mut dialed));
        // Once it is written, and once more when what has arrived is read.
        for limit in [limit, Duration::ZERO] {
            if let Ok(result) = timeout(Duration::ZERO, call.as_mut()).await {
                return Ok(result?);
            }
            self.turn().await;
            if let Ok(result) = timeout(limit, call.as_mut()).await {
                return Ok(result?);
            }
        }
        Err(late())
    }

    /// Waits until the connection has been driven once more: what was sent is written, what arrived is read.
    async fn turn(&self) {
        let (sender, turned) = oneshot::channel();
        // Otherwise it is closed.
        let _ = self.turns.send(sender);
        let _ = turned.await;
    }

    /// Returns whether it was opened.
    fn is_dialed(&self) -> bool {
        self.dialed.borrow().is_some()
    }

    /// Returns whether it is not closed, and its runtime not shut down.
    fn is_open(&self) -> bool {
        self.dialed.has_changed().is_ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn late() -> BoxError {
    "redis did not respond in time".into()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
