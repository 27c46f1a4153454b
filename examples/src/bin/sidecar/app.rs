use axum::{Router, routing::get};
use enkash_auth_axum::{Proxy, live, ready, status};
use enkash_auth_core::{Error, Origin};
use enkash_auth_tower::TokenCache;

/// Three questions of our own; everything else is forwarded, other methods of those paths too.
pub(crate) fn app(tokens: TokenCache, upstream: Origin) -> Result<Router, Error> {
    let proxy = Proxy::builder(tokens.clone(), upstream).build()?;
    Ok(Router::new()
        .route("/-/live", get(live).fallback_service(proxy.clone()))
        .route("/-/ready", get(ready).fallback_service(proxy.clone()))
        .route("/-/status", get(status).fallback_service(proxy.clone()))
        .with_state(tokens)
        .fallback_service(proxy))
}
