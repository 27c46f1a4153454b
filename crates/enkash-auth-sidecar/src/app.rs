use axum::{Router, routing::any_service};
use enkash_auth_axum::{
    Proxy,
    health::{live, ready, status},
};
use enkash_auth_tower::{Egress, Error, Origin, TokenCache};

/// Serves GET on the three probe paths and forwards everything else, including other methods of those
/// paths.
pub(crate) fn app(tokens: TokenCache, upstream: Origin, egress: Egress) -> Result<Router, Error> {
    let proxy = Proxy::builder(tokens.clone(), upstream)
        .egress(egress)
        .build()?;
    // `get` with a fallback would add an `Allow` header with our methods to the upstream's responses.
    let or_forward = || any_service(proxy.clone());
    Ok(Router::new()
        .route("/-/live", or_forward().get(live))
        .route("/-/ready", or_forward().get(ready::<TokenCache>))
        .route("/-/status", or_forward().get(status::<TokenCache>))
        .with_state(tokens)
        .fallback_service(proxy))
}
