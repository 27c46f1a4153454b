use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use enkash_auth_axum::ProxyBody;
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use tower::{Service, service_fn};

/// The body of every response.
pub(super) const ANSWER: &str = "the answer";

/// An in-memory upstream for one request at a time.
#[derive(Clone, Default)]
pub(super) struct Upstream(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answer: Response<()>,
    arrived: Vec<Arrived>,
}

/// A request as it arrived.
pub(super) struct Arrived {
    pub(super) head: Parts,
    pub(super) body: Vec<u8>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Upstream {
    /// Sets the response to the next request.
    pub(super) fn prepare(&self, answer: Response<()>) {
        let mut state = self.0.lock().expect("nobody panicked");
        state.answer = answer;
        state.arrived.clear();
    }

    /// Returns the request that arrived since, if any.
    pub(super) fn arrived(&self) -> Option<Arrived> {
        let mut state = self.0.lock().expect("nobody panicked");
        assert!(state.arrived.len() <= 1, "it is sent twice");
        state.arrived.pop()
    }

    pub(super) fn service(
        &self,
    ) -> impl Service<
        Request<ProxyBody>,
        Response = Response<Body>,
        Error = Infallible,
        Future = Answering,
    > + Clone
    + Send
    + Sync
    + 'static {
        let state = Arc::clone(&self.0);
        service_fn(move |request: Request<ProxyBody>| {
            let state = Arc::clone(&state);
            Box::pin(async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("the body is whole").to_bytes();
                let mut state = state.lock().expect("nobody panicked");
                state.arrived.push(Arrived {
                    head,
                    body: body.to_vec(),
                });
                Ok(state.answer.clone().map(|()| Body::from(ANSWER)))
            }) as Answering
        })
    }
}
