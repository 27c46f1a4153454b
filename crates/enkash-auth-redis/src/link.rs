//! The connections to the server: one for each runtime, and for each node of a cluster, shared by its calls.
//!
//! 1. A connection is used only on the runtime that opened it, because that runtime drives it.
//! 2. It is opened by a task of its own: concurrent calls share one dial, which goes on when they have timed out.
//! 3. A call that fails or is late closes the connection on which it was sent, and not the one that replaced it.
//!    Other calls that were sent on it are waited for. A late one does not if another had a response meanwhile: the
//!    server is slow, and would be slower with another connection. If it is dead instead, the first call that began after
//!    its last response closes it.
//! 4. A call goes to the node that had the slot of its key last, and follows redirections. After a failure that node
//!    is forgotten; after one of a node that was any, the next dial begins with another. A server that is no cluster
//!    redirects nothing.
//! 5. A call is late if the task that drives its connection has written it, and then, when the timeout has passed,
//!    has read no response: a busy runtime is not taken for a late server.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use enkash_auth_tower::{BoxError, internal::Queue};
use redis::{Cmd, FromRedisValue, Pipeline, aio::MultiplexedConnection};
use tokio::{
    runtime::{Handle, Id},
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, coop::unconstrained},
    time::timeout,
};

use crate::{
    node::{Node, Redirection},
    target::{Dialed, SLOTS, Target},
};

/// Limits a dial, unless a call may take longer: a lost packet is sent again after a second.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits how often a call is redirected: once to the owner of its slot, once while that is moved.
const REDIRECTIONS: usize = 3;

pub(crate) struct Link {
    target: Arc<Target>,
    timeout: Duration,
    queue: Queue,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By runtime, and by node unless any will do.
    open: HashMap<(Id, Option<Node>), Arc<Connection>>,
    /// Which nodes the slots of a cluster were last moved to.
    slots: HashMap<u16, Node>,
    /// How many of the connections to any node have failed.
    failures: usize,
}

/// Commands that are sent at once. The first has the key.
pub(crate) struct Call {
    pub(crate) slot: u16,
    pub(crate) commands: Vec<Cmd>,
}

/// A connection that is being opened, or is open. It is closed on drop.
struct Connection {
    /// Closed with the connection.
    dialed: watch::Receiver<Option<Opened>>,
    /// Each is dropped once the connection has been driven.
    waiting: mpsc::UnboundedSender<oneshot::Sender<()>>,
    /// Counts the responses.
    responses: AtomicU64,
    driver: AbortHandle,
}

type Opened = Result<(MultiplexedConnection, Node), Arc<dyn Error + Send + Sync>>;

impl Link {
    /// Creates a link whose calls are late after `timeout`.
    pub(crate) fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target: Arc::new(target),
            timeout,
            queue: Queue::new(SLOTS, timeout),
            state: Mutex::default(),
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes a call. If it fails, or has no response within the first of the `timeouts`, it is sent once more, and so
    /// on: over another connection, unless this one still responds.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        call: &Call,
        timeouts: &[Duration],
    ) -> Result<T, BoxError> {
        let place = self.queue.enter().await?;
        let mut failed = late();
        for limit in timeouts {
            match self.follow(call, *limit).await {
                Ok(result) => {
                    place.responded();
                    return Ok(result);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Makes a call, and makes it again where it is redirected to.
    async fn follow<T: FromRedisValue>(&self, call: &Call, limit: Duration) -> Result<T, BoxError> {
        let (mut node, mut is_asking) = (self.state().slots.get(&call.slot).cloned(), false);
        for _ in 0..=REDIRECTIONS {
            let connection = self.connection(node.as_ref());
            let responses = connection.responses.load(Ordering::Relaxed);
            let error = match connection.call(&call.pipeline(is_asking), limit).await {
                Ok(Some(result)) => return Ok(result),
                Ok(None) if connection.responses.load(Ordering::Relaxed) != responses => {
                    return Err(late());
                }
                Ok(None) => late(),
                Err(error) => error,
            };
            let Some(redirection) = connection.redirection(&error) else {
                self.failed(&connection, node.as_ref());
                return Err(error);
            };
            is_asking = redirection.is_asking;
            if !is_asking {
                let owner = redirection.node.clone();
                self.state().slots.insert(call.slot, owner);
            }
            node = Some(redirection.node);
        }
        Err("redis redirected a call too often".into())
    }

    /// Returns the connection of the current runtime to `node`, or opens one.
    fn connection(&self, node: Option<&Node>) -> Arc<Connection> {
        let mut state = self.state();
        state.open.retain(|_, connection| connection.is_open());
        let failures = state.failures;
        let dial = || {
            let dial = Arc::clone(&self.target).dial(node.cloned(), failures);
            Arc::new(Connection::open(dial, self.timeout.max(DIAL_TIMEOUT)))
        };
        let key = (Handle::current().id(), node.cloned());
        Arc::clone(state.open.entry(key).or_insert_with(dial))
    }

    /// Closes `failed` once the calls that use it have ended, unless another has replaced it or its dial goes on, and
    /// forgets which slots `node` has.
    fn failed(&self, failed: &Arc<Connection>, node: Option<&Node>) {
        let mut state = self.state();
        state.slots.retain(|_, owner| Some(&*owner) != node);
        if failed.is_dialed() {
            let open = state.open.len();
            state
                .open
                .retain(|_, connection| !Arc::ptr_eq(connection, failed));
            // Counted once, however many calls it fails. A dial that failed has tried all nodes.
            if node.is_none() && failed.was_opened() && state.open.len() < open {
                state.failures = state.failures.wrapping_add(1);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Returns the commands, for a node that has the slot or, if `is_asking`, is about to.
    fn pipeline(&self, is_asking: bool) -> Pipeline {
        let mut pipeline = redis::pipe();
        if is_asking {
            pipeline.cmd("ASKING").ignore();
        }
        for command in &self.commands {
            pipeline.add_command(command.clone());
        }
        pipeline
    }
}

impl Connection {
    fn open(
        dial: impl Future<Output = Result<Dialed, BoxError>> + Send + 'static,
        limit: Duration,
    ) -> Self {
        let (sender, dialed) = watch::channel(None);
        let (waiting, mut arrived) = mpsc::unbounded_channel();
        let driving = tokio::spawn(async move {
            match timeout(limit, dial).await {
                Ok(Ok((connection, mut driver, node))) => {
                    sender.send_replace(Some(Ok((connection, node))));
                    // Limited by the calls in flight, and not by tokio's budget, which those that wait may use up.
                    unconstrained(poll_fn(|cx| {
                        // Dropped once the driver was polled.
                        let mut waiting = Vec::new();
                        while let Poll::Ready(Some(sender)) = arrived.poll_recv(cx) {
                            waiting.push(sender);
                        }
                        driver.as_mut().poll(cx)
                    }))
                    .await;
                }
                Ok(Err(error)) => drop(sender.send_replace(Some(Err(error.into())))),
                Err(_) => {}
            }
        });
        Self {
            dialed,
            waiting,
            responses: AtomicU64::new(0),
            driver: driving.abort_handle(),
        }
    }

    /// Waits until it is open.
    async fn dialed(&self) -> Result<MultiplexedConnection, BoxError> {
        let mut dialed = self.dialed.clone();
        match dialed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok((connection, _)))) => Ok(connection.clone()),
            Ok(Some(Err(error))) => Err(Box::new(Arc::clone(error))),
            Ok(None) | Err(_) => Err("redis could not be connected to in time".into()),
        }
    }

    /// Makes a call. Returns `None` if it is late: if the dial or the response takes longer than `limit`.
    async fn call<T: FromRedisValue>(
        &self,
        call: &Pipeline,
        limit: Duration,
    ) -> Result<Option<T>, BoxError> {
        let Ok(dialed) = timeout(limit, self.dialed()).await else {
            return Ok(None);
        };
        let mut dialed = dialed?;
        let mut call = pin!(async {
            let result = call.query_async(&mut dialed).await;
            self.responses.fetch_add(1, Ordering::Relaxed);
            result
        });
        // Once it is written, and once more when what has arrived is read.
        for limit in [limit, Duration::ZERO] {
            if let Ok(result) = timeout(Duration::ZERO, call.as_mut()).await {
                return Ok(Some(result?));
            }
            self.driven().await;
            if let Ok(result) = timeout(limit, call.as_mut()).await {
                return Ok(Some(result?));
            }
        }
        Ok(None)
    }

    /// Returns where the node at the other end sends a call by failing it with `error`.
    fn redirection(&self, error: &BoxError) -> Option<Redirection> {
        match &*self.dialed.borrow() {
            Some(Ok((_, node))) => node.redirection(error),
            _ => None,
        }
    }

    /// Waits until the connection has been driven once more: what was sent is written, what arrived is read.
    async fn driven(&self) {
        let (sender, driven) = oneshot::channel();
        // Otherwise it is closed.
        let _ = self.waiting.send(sender);
        let _ = driven.await;
    }

    /// Returns whether its dial has ended.
    fn is_dialed(&self) -> bool {
        self.dialed.borrow().is_some()
    }

    /// Returns whether its dial has succeeded.
    fn was_opened(&self) -> bool {
        matches!(&*self.dialed.borrow(), Some(Ok(_)))
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
