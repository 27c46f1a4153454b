use axum::{Router, routing::any_service};
use enkash_auth_axum::{Proxy, live, ready, status};
use enkash_auth_core::{Error, Origin};
use enkash_auth_tower::{Egress, TokenCache};

/// Three questions of our own; everything else is forwarded, other methods of those paths too.
pub(crate) fn app(tokens: TokenCache, upstream: Origin, egress: Egress) -> Result<Router, Error> {
    let proxy = Proxy::builder(tokens.clone(), upstream)
        .egress(egress)
        .build()?;
    // `get` with a fallback would name our methods, in `Allow`, in the upstream's answers.
    let or_forward = || any_service(proxy.clone());
    Ok(Router::new()
        .route("/-/live", or_forward().get(live))
        .route("/-/ready", or_forward().get(ready))
        .route("/-/status", or_forward().get(status))
        .with_state(tokens)
        .fallback_service(proxy))
}
