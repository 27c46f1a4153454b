use tokio::runtime::Id;

use super::exchange::Exchange;
use crate::sync::{Arc, Mutex};

/// The service that token requests go through, made anew where its connections cannot be trusted.
pub(super) struct Transport {
    make: Box<dyn Fn() -> Arc<dyn Exchange> + Send + Sync>,
    last: Mutex<Option<(Id, Arc<dyn Exchange>)>>,
}

impl Transport {
    pub(super) fn new(make: impl Fn() -> Arc<dyn Exchange> + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            last: Mutex::new(None),
        }
    }

    /// The service for an attempt on `runtime`: that of the last one, unless that was made on another
    /// runtime, which may be dead or not driven by now and its connections with it, or is
    /// `in_doubt`.
    pub(super) fn get(&self, runtime: Id, in_doubt: bool) -> Arc<dyn Exchange> {
        if !in_doubt
            && let Some((last, service)) = &*self.last.lock()
            && *last == runtime
        {
            return Arc::clone(service);
        }
        let fresh = (self.make)();
        let old = self.last.lock().replace((runtime, Arc::clone(&fresh)));
        drop(old);
        fresh
    }
}
