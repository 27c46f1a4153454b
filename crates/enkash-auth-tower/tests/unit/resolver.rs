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

/// Replaces the system's resolver in unit tests.
#[derive(Clone, Debug)]
pub enum Resolver {
    /// Never responds.
    Silent,
    /// Resolves every name to these addresses.
    To(Vec<SocketAddr>),
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self::Silent
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
        match self.clone() {
            Self::Silent => Box::pin(pending()),
            Self::To(addresses) => Box::pin(async { Ok(addresses.into_iter()) }),
        }
    }
}
