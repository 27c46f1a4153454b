use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::{Cache, issuer::Issuer};

/// The cache that everybody writes first: the fetch happens under the lock, so nobody else fetches
/// meanwhile; but a failure leaves nothing behind, and the next in line tries again.
#[derive(Clone)]
pub(crate) struct HandWritten {
    issuer: Issuer,
    token: Arc<Mutex<Option<(String, Instant)>>>,
}

impl HandWritten {
    async fn token(&self) -> Option<String> {
        let mut held = self.token.lock().await;
        if let Some((token, end)) = &*held
            && Instant::now() < *end
        {
            return Some(token.clone());
        }
        // Reading the answer is left out, to the advantage of this one.
        let Ok(response) = self.issuer.clone().answer().await;
        if !response.status().is_success() {
            return None;
        }
        let token = "2YotnFZFEjr1zCsicMWpAA".to_owned();
        *held = Some((token.clone(), Instant::now() + Duration::from_secs(3600)));
        Some(token)
    }
}

impl Cache for HandWritten {
    fn cold(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.clone(),
            token: Arc::default(),
        }
    }

    async fn ask(self) -> bool {
        self.token().await.is_some()
    }
}
