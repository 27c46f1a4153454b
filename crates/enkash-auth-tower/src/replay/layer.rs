use tower_layer::Layer;

use super::{Replay, ReplayPolicy};
use crate::auth::EnkashAuthLayer;

/// [`EnkashAuthLayer`], and calls whose token was refused are sent once more. Made by
/// [`EnkashAuthLayer::replay`].
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{EnkashAuthLayer, ReplayLayer, ReplayPolicy, TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
/// let layer: ReplayLayer = EnkashAuthLayer::new(tokens).replay(ReplayPolicy::default());
/// # drop(layer);
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReplayLayer {
    auth: EnkashAuthLayer,
    policy: ReplayPolicy,
}

impl ReplayLayer {
    pub(crate) fn new(auth: EnkashAuthLayer, policy: ReplayPolicy) -> Self {
        Self { auth, policy }
    }
}

impl<S> Layer<S> for ReplayLayer {
    type Service = Replay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Replay::new(self.auth.layer(inner), self.policy)
    }
}
