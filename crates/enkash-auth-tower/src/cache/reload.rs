use std::{fmt, time::Duration};

use enkash_auth_core::Credentials;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout},
};

use super::Shared;
use crate::{BoxError, attempts::AccountCredentials, sync::Arc};

/// How long to wait for other credentials; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

/// How far apart the two readings are that have to agree.
const SETTLED: Duration = Duration::from_secs(1);

/// What was begun to be read longer ago is not what stands there now. A fetch looks every 5 s.
const STALE: Duration = Duration::from_secs(10);

type Source = dyn Fn() -> Result<Credentials, BoxError> + Send + Sync;

/// Reads other credentials, once those in use are rejected.
pub(crate) struct Reload {
    source: Arc<Source>,
    /// The look that was not waited for to its end: one that hangs has one thread, however often
    /// a fetch looks.
    on: Mutex<Option<Look>>,
}

struct Look {
    /// The credentials that were rejected: for others, it may be too old.
    refused: AccountCredentials,
    began: Instant,
    read: JoinHandle<Result<Credentials, BoxError>>,
}

impl Reload {
    pub(super) fn new(
        source: impl Fn() -> Result<Credentials, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            source: Arc::new(source),
            on: Mutex::default(),
        }
    }

    /// Looks for other credentials than the rejected ones, and has `shared` use them from now on.
    pub(super) async fn apply(&self, shared: &Shared, rejected: &AccountCredentials) {
        let changed = match self.read_settled(rejected).await {
            Ok(None) => return,
            Ok(Some(credentials)) => shared.change_credentials(credentials, Some(rejected)),
            Err(error) => {
                tracing::warn!(error = &*error, "the credentials could not be read again");
                return;
            }
        };
        match changed {
            Ok(true) => tracing::info!("the credentials have changed: the new ones are used"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the new credentials cannot be used"),
        }
    }

    /// Returns the credentials of the source, in time.
    async fn read(&self, refused: &AccountCredentials) -> Result<Credentials, BoxError> {
        let read = async {
            loop {
                let of_others;
                let mut on = self.on.lock().await;
                of_others = on.take_if(|look| !look.refused.is(refused));
                let look = on.get_or_insert_with(|| self.look(refused));
                let (began, read) = (look.began, (&mut look.read).await);
                *on = None;
                drop(on);
                drop(of_others);
                if began.elapsed() <= STALE {
                    return read;
                }
            }
        };
        match timeout(LIMIT, read).await {
            Ok(Ok(read)) => read,
            // What it says may be anything.
            Ok(Err(_)) => Err("their source panicked, or its runtime was shut down".into()),
            Err(_) => Err("their source takes too long: the next look may find them".into()),
        }
    }

    /// Returns other credentials than the rejected ones, once two readings agree: what is being written when it is
    /// read must not spend an attempt.
    async fn read_settled(
        &self,
        rejected: &AccountCredentials,
    ) -> Result<Option<Credentials>, BoxError> {
        let print = |credentials: &Credentials| credentials.fingerprint([0; 16]);
        let found = self.read(rejected).await?;
        if print(&found) == print(rejected.credentials()) {
            return Ok(None);
        }
        sleep(SETTLED).await;
        let again = self.read(rejected).await?;
        if print(&found) != print(&again) {
            return Err("they are being written: the next look may find them".into());
        }
        Ok(Some(again))
    }

    fn look(&self, refused: &AccountCredentials) -> Look {
        let source = Arc::clone(&self.source);
        Look {
            refused: refused.clone(),
            began: Instant::now(),
            read: spawn_blocking(move || source()),
        }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload(..)")
    }
}
