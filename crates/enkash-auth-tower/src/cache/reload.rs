use std::{fmt, time::Duration};

use enkash_auth_core::Credentials;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout},
};

use super::Shared;
use crate::{BoxError, account_credentials::AccountCredentials, sync::Arc};

/// Limits the wait for new credentials; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

/// Separates the two readings that have to agree.
const STABLE: Duration = Duration::from_secs(1);

/// Limits the age of a reading since its start: an older one may be stale. A fetch reads every 5 s.
const STALE: Duration = Duration::from_secs(10);

type Source = dyn Fn() -> Result<Credentials, BoxError> + Send + Sync;

/// Reads new credentials, once those in use are rejected.
pub struct Reload {
    source: Arc<Source>,
    /// The reading that is still pending: one that hangs occupies one thread, however often a fetch reads.
    pending: Mutex<Option<Reading>>,
}

struct Reading {
    /// The rejected credentials: for others, the reading may be stale.
    rejected: AccountCredentials,
    started: Instant,
    task: JoinHandle<Result<Credentials, BoxError>>,
}

impl Reload {
    pub fn new(source: impl Fn() -> Result<Credentials, BoxError> + Send + Sync + 'static) -> Self {
        Self {
            source: Arc::new(source),
            pending: Mutex::default(),
        }
    }

    /// Reads credentials other than the rejected ones, and makes `shared` use them.
    pub async fn apply(&self, shared: &Shared, rejected: &AccountCredentials) {
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

    /// Returns the credentials of the source, or an error after [`LIMIT`].
    async fn read(&self, rejected: &AccountCredentials) -> Result<Credentials, BoxError> {
        let read = async {
            loop {
                let stale;
                let mut pending = self.pending.lock().await;
                stale = pending.take_if(|reading| !reading.rejected.is(rejected));
                let reading = pending.get_or_insert_with(|| self.start_reading(rejected));
                let (started, read) = (reading.started, (&mut reading.task).await);
                *pending = None;
                drop(pending);
                drop(stale);
                if started.elapsed() <= STALE {
                    return read;
                }
            }
        };
        match timeout(LIMIT, read).await {
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
        let first = self.read(rejected).await?;
        if print(&first) == print(rejected.credentials()) {
            return Ok(None);
        }
        sleep(STABLE).await;
        let second = self.read(rejected).await?;
        if print(&first) != print(&second) {
            return Err("they are being written; the next reading may succeed".into());
        }
        Ok(Some(second))
    }

    fn start_reading(&self, rejected: &AccountCredentials) -> Reading {
        let source = Arc::clone(&self.source);
        Reading {
            rejected: rejected.clone(),
            started: Instant::now(),
            task: spawn_blocking(move || source()),
        }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload(..)")
    }
}
