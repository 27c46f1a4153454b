use std::{error::Error as StdError, fmt, pin::Pin, time::Duration};

use enkash_auth_core::Credentials;
use tokio::{
    runtime::{Handle, Id},
    sync::watch,
    task::{AbortHandle, spawn},
    time::{Instant, sleep, timeout},
};

use super::{Shared, waiting::runtime};
use crate::{
    BoxError, Error, ErrorKind,
    endpoint::TokenEndpoint,
    sync::{Arc, Mutex},
};

/// Limits the wait for credentials in place of rejected ones; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

/// Separates the two readings that have to agree.
const STABLE: Duration = Duration::from_secs(1);

/// Limits the age of a reading since its start: an older one may be stale, or hang for ever. A fetch reads every 5 s.
const STALE: Duration = Duration::from_secs(10);

type Reading = Pin<Box<dyn Future<Output = Result<Credentials, BoxError>> + Send>>;

/// Reads the credentials of one account: at first, if there are none, and once those in use are rejected.
pub struct Source {
    read: Arc<dyn Fn() -> Reading + Send + Sync>,
    /// The newest reading, until its result is used: of those that hang, there is one, however often a fetch reads.
    newest: Mutex<(u64, Option<Arc<Pending>>)>,
}

/// Represents a reading in flight, in a task of its own. Dropping it ends that.
struct Pending {
    number: u64,
    /// The rejected credentials: for others, the reading may be stale.
    rejected: Option<TokenEndpoint>,
    started: Instant,
    /// Drives the reading.
    runtime: Id,
    task: AbortHandle,
    result: watch::Receiver<Option<Result<Credentials, Error>>>,
}

impl Source {
    pub fn new<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        Self {
            read: Arc::new(move || Box::pin(read())),
            newest: Mutex::new((0, None)),
        }
    }

    /// Reads the credentials, and makes `shared` use them. If they have `changed`, a reading that is in flight does not
    /// count.
    pub async fn load(&self, shared: &Arc<Shared>, changed: bool) -> Result<(), Error> {
        runtime()?;
        let limit = shared.policy().fetch_timeout;
        let is_about = |pending: &Pending| !changed && pending.rejected.is_none();
        let credentials = self.read_within(limit, None, is_about).await?;
        shared.change_credentials(credentials, None).map(drop)
    }

    /// Reads credentials other than the rejected ones, and makes `shared` use them.
    pub async fn reload(&self, shared: &Arc<Shared>, rejected: &TokenEndpoint) {
        let changed = match self.read_stable(rejected).await {
            Ok(None) => return,
            Ok(Some(credentials)) => shared.change_credentials(credentials, Some(rejected)),
            Err(error) => {
                let error = &error as &dyn StdError;
                tracing::warn!(error, "failed to reload the credentials");
                return;
            }
        };
        match changed {
            Ok(true) => tracing::info!("credentials reloaded"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the reloaded credentials cannot be used"),
        }
    }

    async fn read_instead_of(&self, rejected: &TokenEndpoint) -> Result<Credentials, Error> {
        let is_about = |pending: &Pending| {
            let about = pending.rejected.as_ref();
            about.is_some_and(|about| about.is(rejected))
        };
        self.read_within(LIMIT, Some(rejected), is_about).await
    }

    /// Returns the result of the reading in flight if it began after the call or `is_about` the same, or else of a new
    /// one.
    async fn read_within(
        &self,
        limit: Duration,
        rejected: Option<&TokenEndpoint>,
        is_about: impl Fn(&Pending) -> bool,
    ) -> Result<Credentials, Error> {
        let last = self.newest.lock().0;
        let read = async {
            loop {
                let here = Handle::current().id();
                // One of another runtime may not be driven.
                let joins = |pending: &Pending| {
                    let is_current = is_about(pending) && pending.runtime == here;
                    !pending.is_stale() && (pending.number > last || is_current)
                };
                let pending = self.pending(joins, rejected);
                let mut result = pending.result.clone();
                // The panic message may hold anything.
                let ended = "the source panicked, or its runtime was shut down";
                let result = match result.wait_for(Option::is_some).await.as_deref() {
                    Ok(Some(result)) => result.clone(),
                    _ => Err(unavailable(ended)),
                };
                if self.end(&pending) && !pending.is_stale() {
                    return result;
                }
            }
        };
        let late = "the source timed out; the next reading may succeed";
        let late = |_| Err(unavailable(late));
        timeout(limit, read).await.unwrap_or_else(late)
    }

    /// Returns the newest reading if that `joins`, or else replaces it.
    fn pending(
        &self,
        joins: impl Fn(&Pending) -> bool,
        rejected: Option<&TokenEndpoint>,
    ) -> Arc<Pending> {
        // Dropped after the lock.
        let old;
        let pending = {
            let mut newest = self.newest.lock();
            if let Some(pending) = newest.1.as_ref().filter(|it| joins(it)) {
                return Arc::clone(pending);
            }
            newest.0 += 1;
            let pending = Arc::new(self.start(newest.0, rejected));
            old = newest.1.replace(Arc::clone(&pending));
            pending
        };
        if let Some(old) = old {
            old.task.abort();
        }
        pending
    }

    /// Ends `pending`, whose result is used. Returns `false` if a newer one has replaced it.
    fn end(&self, pending: &Arc<Pending>) -> bool {
        let mut newest = self.newest.lock();
        let is_newest = newest.0 == pending.number;
        let ended = newest.1.take_if(|_| is_newest);
        drop(newest);
        drop(ended);
        is_newest
    }

    /// Returns credentials other than the rejected ones, once two readings agree: a half-written file must not
    /// spend an attempt.
    async fn read_stable(&self, rejected: &TokenEndpoint) -> Result<Option<Credentials>, Error> {
        let print = |credentials: &Credentials| credentials.fingerprint([0; 16]);
        let first = self.read_instead_of(rejected).await?;
        if print(&first) == print(rejected.credentials()) {
            return Ok(None);
        }
        sleep(STABLE).await;
        let second = self.read_instead_of(rejected).await?;
        if print(&first) != print(&second) {
            let written = "they are being written; the next reading may succeed";
            return Err(unavailable(written));
        }
        Ok(Some(second))
    }

    fn start(&self, number: u64, rejected: Option<&TokenEndpoint>) -> Pending {
        let read = Arc::clone(&self.read);
        let (sender, result) = watch::channel(None);
        // It may panic before it returns a future.
        let task = spawn(async move {
            let result = read().await.map_err(unavailable);
            sender.send_replace(Some(result));
        });
        Pending {
            number,
            rejected: rejected.cloned(),
            started: Instant::now(),
            runtime: Handle::current().id(),
            task: task.abort_handle(),
            result,
        }
    }
}

impl Pending {
    /// Returns whether its result would not be used: it may hang.
    fn is_stale(&self) -> bool {
        self.started.elapsed() > STALE
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

/// Returns `why` as it is if that is an [`Error`] of the source.
fn unavailable(why: impl Into<BoxError>) -> Error {
    match why.into().downcast::<Error>() {
        Ok(error) => *error,
        Err(why) => Error::new(ErrorKind::NoCredentials, "").with_source(why),
    }
}
