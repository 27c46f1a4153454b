//! The usual hand-written way: a token behind a mutex, and a header built for each request.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, header::AUTHORIZATION};
use tokio::{sync::Mutex, time::Instant};
use tower::{BoxError, Service};

use super::{Bare, Factory, kept};
use crate::request::{Call, token};

type Cached = Arc<Mutex<Option<(String, Instant)>>>;

#[derive(Clone)]
struct HandWritten<S> {
    inner: S,
    cached: Cached,
}

impl<S> Service<Call> for HandWritten<S>
where
    S: Service<Call> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Call) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let cached = Arc::clone(&self.cached);
        Box::pin(async move {
            let token = match &*cached.lock().await {
                Some((token, end)) if Instant::now() < *end => token.clone(),
                _ => return Err("no token".into()),
            };
            let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
            header.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, header);
            inner.call(request).await.map_err(Into::into)
        })
    }
}

pub(super) fn factory() -> Factory {
    let end = Instant::now() + Duration::from_secs(3600);
    let service = HandWritten {
        inner: Bare,
        cached: Arc::new(Mutex::new(Some((token(0), end)))),
    };
    Box::new(move || kept(service.clone()))
}
