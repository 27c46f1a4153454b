//! A token server in memory, and a runtime to ask it on.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use enkash_auth_tower::{
    MemoryStore, TokenCache, TokenEndpoint,
    core::{Credentials, Environment},
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tower::service_fn;

/// What every token of this server begins with.
pub(crate) const TOKEN: &str = "Zq9.eyJhbGciOiJIUzI1NiJ9.";

/// A runtime for one thread.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("there is a runtime")
}

/// A cache whose tokens live for a day and are never the same twice.
pub(crate) fn tokens() -> TokenCache {
    let granted = Arc::new(AtomicU64::new(0));
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        let number = granted.fetch_add(1, Ordering::Relaxed);
        let token = format!(r#"{{"access_token":"{TOKEN}{number}","expires_in":86399}}"#);
        async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(token))) }
    });
    let keys = Credentials::merchant("access-key", "secret-key");
    let endpoint = TokenEndpoint::with_service(Environment::Test, keys, service);
    TokenCache::builder(endpoint.expect("the credentials can be sent"))
        .store(MemoryStore::new())
        .build()
}
