use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;

/// How long a fetch takes.
const FETCH: Duration = Duration::from_millis(50);

/// What comes of a fetch.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Grant,
    /// "Not now, come back in a second": nothing that a cache should try again at once.
    Fail,
}

/// A token server in memory, which counts.
#[derive(Clone)]
pub(crate) struct Issuer {
    behaviour: Behaviour,
    fetches: Arc<AtomicU64>,
}

impl Issuer {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            fetches: Arc::default(),
        }
    }

    pub(crate) fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }

    pub(crate) async fn answer(self) -> Result<Response<Full<Bytes>>, Infallible> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(FETCH).await;
        let body =
            r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":3600}"#;
        let mut response = Response::new(Full::from(body));
        if let Behaviour::Fail = self.behaviour {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            *response.body_mut() = Full::default();
        }
        Ok(response)
    }
}
