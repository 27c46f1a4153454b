use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::ProxyBody;

/// The longest body that is collected.
const MAX_BODY: u32 = 64 * 1024;

/// What all collected bodies may take together.
const MAX_TOTAL: usize = 16 * 1024 * 1024;

/// How long a caller may take to send a body that is collected.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The memory for collected bodies, shared by all requests of a proxy.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Why a body could not be collected. Nothing of its request has been sent.
#[derive(Debug)]
pub(crate) enum Uncollected {
    /// The caller broke off, or sent less or more than it said.
    Broken,
    /// The caller took too long.
    Slow,
}

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
    pub(crate) async fn take_in(&self, body: Body) -> Result<ProxyBody, Uncollected> {
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
            .map_err(|_| Uncollected::Slow)?
            .ok_or(Uncollected::Broken)?;
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use enkash_auth_tower::ReplayBody;
    use futures_util::{StreamExt, stream};

    use super::*;

    fn body(length: usize) -> Body {
        Body::from(vec![b'x'; length])
    }

    async fn take_in(budget: &Budget, body: Body) -> ProxyBody {
        budget.take_in(body).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_of_64_kib_is_collected_and_one_byte_more_streams() {
        let budget = Budget::new();
        let largest = take_in(&budget, body(64 * 1024)).await;
        let copy = largest.try_clone().unwrap();
        assert_eq!(copy.collect().await.unwrap().to_bytes().len(), 64 * 1024);
        let larger = take_in(&budget, body(64 * 1024 + 1)).await;
        assert!(larger.try_clone().is_none());
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_streams() {
        let chunks = stream::iter([Ok::<_, std::io::Error>("x")]);
        let streamed = take_in(&Budget::new(), Body::from_stream(chunks)).await;
        assert!(streamed.try_clone().is_none());
        assert_eq!(streamed.collect().await.unwrap().to_bytes(), "x");
    }

    #[tokio::test]
    async fn the_budget_holds_16_mib_and_is_given_back_with_the_last_copy() {
        let budget = Budget::new();
        let mut held = Vec::new();
        for _ in 0..256 {
            held.push(take_in(&budget, body(64 * 1024)).await);
        }
        assert!(held.iter().all(|body| body.try_clone().is_some()));
        assert!(take_in(&budget, body(1)).await.try_clone().is_none());

        // The bytes, handed on to a socket say, outlive the body.
        let bytes = held.pop().unwrap().collect().await.unwrap().to_bytes();
        assert!(take_in(&budget, body(1)).await.try_clone().is_none());
        drop(bytes);
        assert!(take_in(&budget, body(1)).await.try_clone().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_stalls_gives_its_share_back() {
        struct Stalled;
        impl HttpBody for Stalled {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                std::task::Poll::Pending
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(10)
            }
        }
        let budget = Budget::new();
        let stalled = budget.take_in(Body::new(Stalled)).await;
        assert!(matches!(stalled, Err(Uncollected::Slow)));
        assert_eq!(budget.0.available_permits(), MAX_TOTAL);
    }

    #[tokio::test]
    async fn a_streamed_body_is_polled_only_when_it_is_taken() {
        let endless = stream::once(async { Ok::<_, std::io::Error>("x") })
            .chain(stream::once(async { pending().await }));
        let mut streamed = take_in(&Budget::new(), Body::from_stream(endless)).await;
        let first = streamed.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "x");
    }
}
