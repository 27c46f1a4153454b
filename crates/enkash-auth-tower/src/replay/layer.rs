use tower_layer::Layer;

use super::{Replay, ReplayPolicy};
use crate::auth::EnkashAuthLayer;

/// [`EnkashAuthLayer`], and calls whose token was refused are sent once more. Made by
/// [`EnkashAuthLayer::replay`].
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
