//! The layers that a typical service puts around a call.

use std::{future::Ready, time::Duration};

use tower::{
    ServiceBuilder,
    retry::{Policy, Retry},
    timeout::Timeout,
};

use crate::request::Call;

/// A policy that retries nothing, because the response is good.
#[derive(Clone, Debug)]
pub(super) struct GoodEnough;

impl<Res, E> Policy<Call, Res, E> for GoodEnough {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Call, _: &mut Result<Res, E>) -> Option<Self::Future> {
        None
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

/// Wraps `service` in a retry, in a timeout.
pub(super) fn around<S>(service: S) -> Timeout<Retry<GoodEnough, S>> {
    ServiceBuilder::new()
        .timeout(Duration::from_secs(30))
        .retry(GoodEnough)
        .service(service)
}
