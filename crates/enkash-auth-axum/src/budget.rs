use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    problem::{self, Forwarded, Problem},
    proxy_body::ProxyBody,
};

/// The longest body that is buffered.
const MAX_BODY: u32 = 64 * 1024;

/// The memory limit for all buffered bodies together.
const MAX_TOTAL: usize = 16 * 1024 * 1024;

/// How long a caller may take to send a short body.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a body of unknown length is awaited before it streams: one that is complete arrives at once, and the
/// pieces of another may each await a response.
const CHUNKED_TIMEOUT: Duration = Duration::from_secs(1);

/// The memory budget for buffered bodies, shared by all requests of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Buffered bytes and their share of the budget, which is released with the last copy.
struct Held {
    bytes: Vec<u8>,
    share: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TOTAL)))
    }

    /// Buffers `body` if it is short and the budget has room; otherwise streams it, with what was read of it.
    ///
    /// # Errors
    ///
    /// If the caller disconnects, sends a malformed body or another length than declared, or times out with a
    /// body of known length. Nothing was sent.
    pub(crate) async fn take_in(&self, mut body: Body) -> Result<ProxyBody, Problem> {
        let length = body.size_hint().exact();
        let (limit, patience) = match length.map(u32::try_from) {
            Some(Ok(0)) => return Ok(ProxyBody::collected(Bytes::new())),
            Some(Ok(length @ ..=MAX_BODY)) => (length, COLLECT_TIMEOUT),
            Some(_) => return Ok(ProxyBody::streaming(body)),
            None => (MAX_BODY, CHUNKED_TIMEOUT),
        };
        let Ok(share) = Arc::clone(&self.0).try_acquire_many_owned(limit) else {
            return Ok(ProxyBody::streaming(body));
        };
        let mut held = Held::new(share, length);
        let read = timeout(patience, held.read(&mut body, limit as usize)).await;
        match (read, length) {
            (Ok(Ok(true)), None) => Ok(ProxyBody::collected(held.into_bytes())),
            (Ok(Ok(true)), Some(length)) if held.bytes.len() as u64 == length => {
                Ok(ProxyBody::collected(held.into_bytes()))
            }
            (Ok(Ok(false)) | Err(_), None) => Ok(ProxyBody::begun(held.into_bytes(), body)),
            (Err(_), Some(_)) => Err(timed_out()),
            (Ok(Err(error)), _) if problem::is_timeout(&error) => Err(timed_out()),
            (Ok(_), _) => Err(Problem::of_body(Forwarded::No)),
        }
    }
}

fn timed_out() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, Forwarded::No)
        .detail("timed out reading the request body")
}

impl Held {
    fn new(share: OwnedSemaphorePermit, length: Option<u64>) -> Self {
        let length = length.and_then(|length| usize::try_from(length).ok());
        let bytes = Vec::with_capacity(length.unwrap_or(0));
        Self { bytes, share }
    }

    /// Reads the body to its end, or past `limit`. Returns whether it has ended.
    ///
    /// Copies the data, because a small frame may keep a large buffer alive. Cancel safe: what was read is held.
    async fn read(&mut self, body: &mut Body, limit: usize) -> Result<bool, axum::Error> {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                self.bytes.extend_from_slice(&data);
            }
            if self.bytes.len() > limit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Releases what is unused of its share.
    fn into_bytes(mut self) -> Bytes {
        let unused = self.share.num_permits();
        drop(
            self.share
                .split(unused.saturating_sub(self.bytes.capacity())),
        );
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
