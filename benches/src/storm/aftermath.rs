use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use allocation_counter::measure;
use bytes::Bytes;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ReplayPolicy};
use http::{
    HeaderValue, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::Empty;
use tokio::{
    runtime::Builder,
    sync::Barrier,
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use tower::{Layer, Service};

use super::{CALLERS, Cache, FETCH, Ours};
use crate::{
    issuer::Issuer,
    request::{Call, request, token},
};

/// The outcome of a storm, and what it leaves in memory.
#[derive(Clone, Copy, Debug)]
pub struct Aftermath {
    /// The number of token requests that it caused.
    pub fetches: u64,
    /// The number of calls that succeeded.
    pub served: u64,
    /// What the heap kept, as a share of the peak. The cache, its token and the service are alive.
    pub kept_share: f64,
}

/// Plays 10,000 callers of a cold cache of which 8,000 give up before there is a token, 2,000 at a time.
///
/// # Errors
///
/// If there can be no runtime.
pub fn cancelled() -> io::Result<Aftermath> {
    let issuer = Issuer::granting(FETCH);
    let Ours(service) = Ours::cold(&issuer);
    aftermath(&issuer, service, async |calls, handles| {
        for wave in handles.chunks(handles.len() / 5).take(4) {
            sleep(FETCH / 10).await;
            wave.iter().for_each(AbortHandle::abort);
        }
        served(calls).await
    })
}

/// Plays 10,000 calls with a token that the API has revoked; all of them are replayed.
///
/// # Errors
///
/// If there can be no runtime.
pub fn revoked() -> io::Result<Aftermath> {
    let issuer = Issuer::granting(FETCH);
    let layer = EnkashAuthLayer::new(issuer.warm_cache()).replay(ReplayPolicy::default());
    let service = layer.layer(Revoking::new());
    aftermath(&issuer, service, async |calls, _| served(calls).await)
}

type Calls = JoinSet<Result<StatusCode, BoxError>>;

/// Runs a storm on one thread, because allocations are counted per thread. The service outlives it.
fn aftermath<S, B>(
    issuer: &Issuer,
    mut service: S,
    storm: impl AsyncFnOnce(Calls, Vec<AbortHandle>) -> u64,
) -> io::Result<Aftermath>
where
    S: Service<Call, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let (before, mut served) = (issuer.fetches(), 0);
    let heap = measure(|| {
        served = runtime.block_on(async {
            let mut calls = JoinSet::new();
            let handles = (0..CALLERS).map(|_| {
                let call = service.call(request());
                calls.spawn(async { Ok(call.await?.status()) })
            });
            let handles = handles.collect();
            storm(calls, handles).await
        });
    });
    Ok(Aftermath {
        fetches: issuer.fetches() - before,
        served,
        kept_share: heap.bytes_current.max(0) as f64 / heap.bytes_max as f64,
    })
}

async fn served(mut calls: Calls) -> u64 {
    let mut served = 0;
    while let Some(call) = calls.join_next().await {
        served += u64::from(matches!(call, Ok(Ok(StatusCode::OK))));
    }
    served
}

/// An API that has revoked the first token, and says so once all callers have sent it.
#[derive(Clone, Debug)]
struct Revoking {
    all: Arc<Barrier>,
}

impl Revoking {
    fn new() -> Self {
        let all = Arc::new(Barrier::new(CALLERS as usize));
        Self { all }
    }
}

impl Service<Call> for Revoking {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let all = Arc::clone(&self.all);
        Box::pin(async move {
            let mut response = Response::new(Empty::new());
            let revoked = format!("Bearer {}", token(0));
            let header = call.headers().get(AUTHORIZATION);
            if header.is_some_and(|header| header == revoked.as_str()) {
                all.wait().await;
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storms_make_one_request_and_leave_nothing() {
        for (storm, expected) in [(cancelled().unwrap(), 2_000), (revoked().unwrap(), 10_000)] {
            assert_eq!((storm.fetches, storm.served), (1, expected));
            assert!(storm.kept_share < 0.05, "{}", storm.kept_share);
        }
    }
}
