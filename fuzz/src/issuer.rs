//! An in-memory token server, and a runtime for it.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use enkash_auth_tower::{
    Credentials, Environment, MemoryStore, TokenCache, TokenEndpoint, internal::Process,
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tower::service_fn;

/// The prefix of every token of this server.
pub(crate) const TOKEN: &str = "Zq9.eyJhbGciOiJIUzI1NiJ9.";

/// Creates a single-threaded runtime.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("there is a runtime")
}

/// Creates a cache whose tokens live for a day and are never reused, as if in a process of its own: a check neither
/// waits for the fetch of another, nor remembers its attempts.
pub(crate) fn tokens() -> TokenCache {
    let granted = Arc::new(AtomicU64::new(0));
    let service = service_fn(move |_: Request<enkash_auth_tower::TokenRequestBody>| {
        let number = granted.fetch_add(1, Ordering::Relaxed);
        let token = format!(r#"{{"access_token":"{TOKEN}{number}","expires_in":86399}}"#);
        async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(token))) }
    });
    let keys = Credentials::merchant("access-key", "secret-key");
    let endpoint = TokenEndpoint::with_service(Environment::Test, keys, service);
    TokenCache::builder(endpoint.expect("the credentials can be sent"))
        .store(MemoryStore::new())
        .process(Process::new())
        .build()
}
