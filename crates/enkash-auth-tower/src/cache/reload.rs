use std::{fmt, time::Duration};

use enkash_auth_core::{Credentials, state::Flight};
use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout},
};

use super::Shared;
use crate::{BoxError, store::Principal, sync::Arc};

/// How long to wait for other credentials; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

/// What was begun to be read longer ago is not what stands there now. Whoever needs a token looks every 5 s.
const STALE: Duration = Duration::from_secs(10);

type Source = dyn Fn() -> Result<Credentials, BoxError> + Send + Sync;

/// Where other credentials come from.
pub(crate) struct Reload {
    source: Arc<Source>,
    /// The look that was not waited for to its end: one that hangs has one thread, however often
    /// somebody comes to look.
    on: Mutex<Option<Look>>,
}

struct Look {
    /// For whom others are looked for: for those that came after, it may be too old.
    refused: Principal,
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

    /// Other credentials than those of `refused`, if there are.
    async fn read(&self, refused: &Principal) -> Result<Credentials, BoxError> {
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

    fn look(&self, refused: &Principal) -> Look {
        let source = Arc::clone(&self.source);
        Look {
            refused: refused.clone(),
            began: Instant::now(),
            read: spawn_blocking(move || source()),
        }
    }
}

impl Shared {
    /// The server `refused` the credentials of `flight`: uses others, if there are. That abandons
    /// the flight, so that its waiters wait for one with these.
    pub(crate) async fn reload(&self, flight: Flight, refused: &Principal) {
        let Some(reload) = &self.reload else {
            return;
        };
        let changed = match reload.read(refused).await {
            Ok(credentials) => self.change_credentials(credentials, Some(flight)),
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
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload(..)")
    }
}
