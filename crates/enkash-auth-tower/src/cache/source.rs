use std::{fmt, pin::Pin, time::Duration};

use enkash_auth_core::Credentials;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn},
    time::{Instant, sleep, timeout},
};

use super::Shared;
use crate::{BoxError, Error, ErrorKind, account_credentials::AccountCredentials, sync::Arc};

/// Limits the wait for credentials in place of rejected ones; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

/// Separates the two readings that have to agree.
const STABLE: Duration = Duration::from_secs(1);

/// Limits the age of a reading since its start: an older one may be stale. A fetch reads every 5 s.
const STALE: Duration = Duration::from_secs(10);

type Reading = Pin<Box<dyn Future<Output = Result<Credentials, BoxError>> + Send>>;

/// Reads the credentials of one account: at first, if there are none, and once those in use are rejected.
pub struct Source {
    read: Arc<dyn Fn() -> Reading + Send + Sync>,
    /// The reading that is still pending: of those that hang, there is one, however often a fetch reads.
    pending: Mutex<Option<Pending>>,
}

struct Pending {
    /// The rejected credentials: for others, the reading may be stale.
    rejected: Option<AccountCredentials>,
    started: Instant,
    task: JoinHandle<Result<Credentials, BoxError>>,
}

impl Source {
    pub fn new<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        Self {
            read: Arc::new(move || Box::pin(read())),
            pending: Mutex::default(),
        }
    }

    /// Returns the credentials of the source, read within `limit`. An [`Error`] of the source is passed on.
    pub async fn read(&self, limit: Duration) -> Result<Credentials, Error> {
        let read = self.read_instead_of(None, limit).await;
        read.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::new(ErrorKind::NoCredentials, "").with_source(error),
        })
    }

    /// Reads credentials other than the rejected ones, and makes `shared` use them.
    pub async fn reload(&self, shared: &Arc<Shared>, rejected: &AccountCredentials) {
        let changed = match self.read_stable(rejected).await {
            Ok(None) => return,
            Ok(Some(credentials)) => shared.change_credentials(credentials, Some(rejected)),
            Err(error) => {
                tracing::warn!(error = &*error, "failed to reload the credentials");
                return;
            }
        };
        match changed {
            Ok(true) => tracing::info!("credentials reloaded"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the reloaded credentials cannot be used"),
        }
    }

    async fn read_instead_of(
        &self,
        rejected: Option<&AccountCredentials>,
        limit: Duration,
    ) -> Result<Credentials, BoxError> {
        let is_about = |pending: &Pending| match (&pending.rejected, rejected) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        let read = async {
            loop {
                let stale;
                let mut pending = self.pending.lock().await;
                stale = pending.take_if(|pending| !is_about(pending));
                let reading = pending.get_or_insert_with(|| self.start(rejected));
                let (started, read) = (reading.started, (&mut reading.task).await);
                *pending = None;
                drop(pending);
                drop(stale);
                if started.elapsed() <= STALE {
                    return read;
                }
            }
        };
        match timeout(limit, read).await {
            Ok(Ok(read)) => read,
            // The panic message may hold anything.
            Ok(Err(_)) => Err("the source panicked, or its runtime was shut down".into()),
            Err(_) => Err("the source timed out; the next reading may succeed".into()),
        }
    }

    /// Returns credentials other than the rejected ones, once two readings agree: a half-written file must not
    /// spend an attempt.
    async fn read_stable(
        &self,
        rejected: &AccountCredentials,
    ) -> Result<Option<Credentials>, BoxError> {
        let print = |credentials: &Credentials| credentials.fingerprint([0; 16]);
        let first = self.read_instead_of(Some(rejected), LIMIT).await?;
        if print(&first) == print(rejected.credentials()) {
            return Ok(None);
        }
        sleep(STABLE).await;
        let second = self.read_instead_of(Some(rejected), LIMIT).await?;
        if print(&first) != print(&second) {
            return Err("they are being written; the next reading may succeed".into());
        }
        Ok(Some(second))
    }

    fn start(&self, rejected: Option<&AccountCredentials>) -> Pending {
        let read = Arc::clone(&self.read);
        Pending {
            rejected: rejected.cloned(),
            started: Instant::now(),
            // It may panic before it returns a future.
            task: spawn(async move { read().await }),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}
