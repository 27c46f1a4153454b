use super::exchange::Exchange;
use crate::sync::{Arc, Mutex};

/// The service that token requests go through, and how to get one with no connection open.
pub(super) struct Transport {
    make: Box<dyn Fn() -> Arc<dyn Exchange> + Send + Sync>,
    current: Mutex<Arc<dyn Exchange>>,
}

impl Transport {
    pub(super) fn new(make: impl Fn() -> Arc<dyn Exchange> + Send + Sync + 'static) -> Self {
        Self {
            current: Mutex::new(make()),
            make: Box::new(make),
        }
    }

    pub(super) fn current(&self) -> Arc<dyn Exchange> {
        Arc::clone(&self.current.lock())
    }

    /// A new one from here on; the old one goes when the last exchange over it has ended.
    pub(super) fn renew(&self) {
        let fresh = (self.make)();
        let old = std::mem::replace(&mut *self.current.lock(), fresh);
        drop(old);
    }
}
