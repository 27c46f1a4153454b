use std::{
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::sync::{Arc, Mutex};

/// Replaces the system's resolver in unit tests: resolves every name to the same addresses, or never responds.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Mutex<Option<Vec<SocketAddr>>>>);

impl Resolver {
    /// Creates one that never responds.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    /// Resolves every name to `addresses` from now on.
    pub fn set(&self, addresses: &[SocketAddr]) {
        *self.0.lock() = Some(addresses.to_vec());
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        match self.0.lock().clone() {
            None => Box::pin(pending()),
            Some(addresses) => Box::pin(async { Ok(addresses.into_iter()) }),
        }
    }
}
