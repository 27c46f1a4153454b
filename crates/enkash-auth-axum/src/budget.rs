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

/// The longest body that is collected.
const MAX_BODY: u32 = 64 * 1024;

/// What all collected bodies may take together.
const MAX_TOTAL: usize = 16 * 1024 * 1024;

/// How long a caller may take to send a body that is collected.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The memory for collected bodies, shared by all requests of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Collected bytes and their share of the budget, which is given back with the last copy.
struct Held {
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TOTAL)))
    }

    /// Collects `body` if its length is known and small, and there is room; otherwise it streams.
    ///
    /// # Errors
    ///
    /// The caller broke off, sent less or more than it said, or took too long. Nothing was sent.
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
                    .detail("the request's body took too long")
            })?
            .ok_or_else(|| {
                Problem::new(StatusCode::BAD_REQUEST, Forwarded::No)
                    .detail("the request's body broke off")
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

/// All of a body that is `length` long; nothing of one that is not, for its share is of that size.
///
/// Copies: a frame may be a small part of a large buffer, and would keep all of it.
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
