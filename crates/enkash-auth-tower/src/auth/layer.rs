use enkash_auth_core::Origin;
use tower_layer::Layer;

use super::{EnkashAuth, rules::Rules};
use crate::{
    cache::TokenCache,
    replay::{ReplayLayer, ReplayPolicy},
    sync::Arc,
};

/// Puts a valid `Authorization: Bearer …` on every request to the inner service.
///
/// The token goes to the origin of the token server's base address and to those that
/// [`allow_origin`](Self::allow_origin) names, and nowhere else. Put this layer *below* one that
/// follows redirects, and it checks each hop.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{EnkashAuthLayer, TokenCache, TokenEndpoint};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, service_fn};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
///
/// let client = ServiceBuilder::new()
///     .layer(EnkashAuthLayer::new(tokens).allow_origin("https://pay-uat.enkash.in".parse()?))
///     .service(service_fn(|request: Request<()>| async move {
///         Ok::<_, Infallible>(Response::new(()))
///     }));
/// # drop(client);
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnkashAuthLayer(Arc<Rules>);

impl EnkashAuthLayer {
    /// Creates a layer that takes its tokens from `tokens`.
    pub fn new(tokens: TokenCache) -> Self {
        Self(Arc::new(Rules::new(&tokens)))
    }

    /// Allows `origin` to see the token, too.
    #[must_use]
    pub fn allow_origin(mut self, origin: Origin) -> Self {
        Arc::make_mut(&mut self.0).allow_origin(origin);
        self
    }

    /// Assumes that a request whose URI is only a path goes to an allowed origin, in a stack that adds the
    /// origin further below, as tonic does. Where requests go is then up to that stack.
    ///
    /// A gRPC server reports an invalid token with HTTP status 200 and its own status in a trailer. That is
    /// no 401: the call is not [replayed](Self::replay), and the token is used to its deadline.
    #[must_use]
    pub fn assume_origin(mut self) -> Self {
        Arc::make_mut(&mut self.0).assume_origin = true;
        self
    }

    /// Replays a call with another token after a 401, if the first call provably did nothing. The body
    /// must be a [`ReplayBody`](crate::ReplayBody): any that is `Clone` is.
    #[must_use]
    pub fn replay(self, policy: ReplayPolicy) -> ReplayLayer {
        ReplayLayer::new(self, policy)
    }
}

impl<S> Layer<S> for EnkashAuthLayer {
    type Service = EnkashAuth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EnkashAuth::new(inner, Arc::clone(&self.0))
    }
}
