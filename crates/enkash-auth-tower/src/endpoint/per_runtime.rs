use std::time::Duration;

use enkash_auth_core::TokenRequest;
use tokio::{
    runtime::{Handle, Id},
    time::Instant,
};

use super::exchange::{Exchange, Exchanging, MaySend, Probing};
use crate::{
    sync::{Arc, Mutex},
    time::Time,
};

/// Keeps the service that a user's factory made, for as long as its connections are usable: on the
/// runtime that it was made on, and until an exchange has no response.
///
/// A pooled connection belongs to the runtime that opened it, which may be shut down, or not driven.
pub struct PerRuntime {
    make: Box<dyn Fn() -> Arc<dyn Exchange> + Send + Sync>,
    last: Mutex<Option<(Id, Arc<dyn Exchange>)>>,
}

impl PerRuntime {
    pub fn new(make: impl Fn() -> Arc<dyn Exchange> + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            last: Mutex::new(None),
        }
    }

    fn get(&self) -> Using<'_> {
        let runtime = Handle::current().id();
        let kept = match &*self.last.lock() {
            Some((last, service)) if *last == runtime => Some(Arc::clone(service)),
            _ => None,
        };
        let service = kept.unwrap_or_else(|| {
            let made = (self.make)();
            let old = self.last.lock().replace((runtime, Arc::clone(&made)));
            drop(old);
            made
        });
        Using {
            kept_in: self,
            service,
            has_responded: false,
        }
    }
}

impl Exchange for PerRuntime {
    fn exchange<'a>(
        &'a self,
        request: TokenRequest,
        clock: Time,
        deadline: Instant,
        may_send: MaySend<'a>,
    ) -> Exchanging<'a> {
        Box::pin(async move {
            let mut using = self.get();
            let exchanging = using.service.exchange(request, clock, deadline, may_send);
            let result = exchanging.await;
            using.has_responded = result.is_ok();
            result
        })
    }

    fn probe(&self, request: TokenRequest, limit: Duration) -> Probing<'_> {
        Box::pin(async move {
            let mut using = self.get();
            using.has_responded = using.service.probe(request, limit).await;
            using.has_responded
        })
    }
}

/// Represents a service in use, which is discarded without a response.
struct Using<'a> {
    kept_in: &'a PerRuntime,
    service: Arc<dyn Exchange>,
    has_responded: bool,
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        if !self.has_responded {
            let old = self
                .kept_in
                .last
                .lock()
                .take_if(|(_, last)| Arc::ptr_eq(last, &self.service));
            drop(old);
        }
    }
}
