use std::{fmt, time::Duration};

use enkash_auth_core::{Credentials, state::Flight};
use tokio::{task::spawn_blocking, time::timeout};

use super::Shared;
use crate::{BoxError, sync::Arc};

/// How long to wait for other credentials; callers wait meanwhile.
const LIMIT: Duration = Duration::from_millis(500);

type Source = dyn Fn() -> Result<Credentials, BoxError> + Send + Sync;

/// Where other credentials come from.
#[derive(Clone)]
pub(crate) struct Reload(Arc<Source>);

impl Reload {
    pub(super) fn new(
        source: impl Fn() -> Result<Credentials, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(source))
    }

    async fn read(&self) -> Result<Credentials, BoxError> {
        let source = Arc::clone(&self.0);
        timeout(LIMIT, spawn_blocking(move || source())).await??
    }
}

impl Shared {
    /// The server refused the credentials of `flight`: uses others, if there are. That abandons
    /// the flight, so that its waiters wait for one with these.
    pub(crate) async fn reload(&self, flight: Flight) {
        let Some(reload) = &self.reload else {
            return;
        };
        let changed = match reload.read().await {
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
