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
    problem::{Forwarded, Problem},
    proxy_body::ProxyBody,
};

/// The longest body that is buffered.
const MAX_BODY: u32 = 64 * 1024;

/// The memory limit for all buffered bodies together.
const MAX_TOTAL: usize = 16 * 1024 * 1024;

/// How long a caller may take to send a body that is buffered.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The memory budget for buffered bodies, shared by all requests of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Buffered bytes and their share of the budget, which is released with the last copy.
struct Held {
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TOTAL)))
    }

    /// Buffers `body` if its length is known and small and the budget has room; otherwise streams it.
    ///
    /// # Errors
    ///
    /// If the caller disconnects, times out, or sends another length than declared. Nothing was sent.
    pub(crate) async fn take_in(&self, body: Body) -> Result<ProxyBody, Problem> {
        let length = body.size_hint().exact().map(u32::try_from);
        let Some(Ok(length @ 0..=MAX_BODY)) = length else {
            return Ok(ProxyBody::streaming(body));
        };
        if length == 0 {
            return Ok(ProxyBody::collected(Bytes::new()));
        }
        let Ok(share) = Arc::clone(&self.0).try_acquire_many_owned(length) else {
            return Ok(ProxyBody::streaming(body));
        };
        let bytes = timeout(COLLECT_TIMEOUT, collect(body, length))
            .await
            .map_err(|_| {
                Problem::new(StatusCode::REQUEST_TIMEOUT, Forwarded::No)
                    .detail("timed out reading the request body")
            })?
            .ok_or_else(|| {
                Problem::new(StatusCode::BAD_REQUEST, Forwarded::No)
                    .detail("the request body was incomplete")
            })?;
        Ok(ProxyBody::collected(Bytes::from_owner(Held {
            bytes,
            _share: share,
        })))
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the whole body if it is exactly `length` long: its share of the budget has that size.
///
/// Copies the data, because a small frame may keep a large buffer alive.
async fn collect(mut body: Body, length: u32) -> Option<Vec<u8>> {
    let length = length as usize;
    let mut bytes = Vec::with_capacity(length);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            if data.len() > length - bytes.len() {
                return None;
            }
            bytes.extend_from_slice(&data);
        }
    }
    (bytes.len() == length).then_some(bytes)
}
