use axum::{Router, routing::get};
use enkash_auth_axum::{Proxy, live, ready, status};
use enkash_auth_core::{Error, Origin};
use enkash_auth_tower::TokenCache;

/// Three paths of our own; everything else is forwarded.
pub(crate) fn app(tokens: TokenCache, upstream: Origin) -> Result<Router, Error> {
    let proxy = Proxy::builder(tokens.clone(), upstream).build()?;
    Ok(Router::new()
        .route("/-/live", get(live))
        .route("/-/ready", get(ready))
        .route("/-/status", get(status))
        .with_state(tokens)
        .fallback_service(proxy))
}
