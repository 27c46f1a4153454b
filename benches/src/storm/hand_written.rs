use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::Cache;
use crate::issuer::Issuer;

/// The usual hand-written cache: the fetch happens under the lock, so no other caller fetches meanwhile;
/// but a failure is not stored, and the next waiter retries.
#[derive(Clone, Debug)]
pub struct HandWritten {
    issuer: Issuer,
    token: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Cache for HandWritten {
    const NAME: &'static str = "hand-written";

    fn cold(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.clone(),
            token: Arc::default(),
        }
    }

    async fn ask(&self) -> bool {
        let mut held = self.token.lock().await;
        if held.as_ref().is_none_or(|(_, end)| Instant::now() >= *end) {
            let token = self.issuer.token().await;
            *held = token.map(|token| (token, Instant::now() + Duration::from_secs(3600)));
        }
        held.is_some()
    }
}
