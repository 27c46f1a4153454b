use enkash_auth_tower::{EnkashAuth, EnkashAuthLayer};
use tower::{Layer, ServiceExt};

use super::Cache;
use crate::{hot::Bare, issuer::Issuer, request::request};

/// A whole call through the layer, with its request.
#[derive(Clone, Debug)]
pub struct Ours(pub(super) EnkashAuth<Bare>);

impl Cache for Ours {
    const NAME: &'static str = "enkash-auth";

    fn cold(issuer: &Issuer) -> Self {
        Self(EnkashAuthLayer::new(issuer.cache()).layer(Bare))
    }

    async fn ask(&self) -> bool {
        self.0.clone().oneshot(request()).await.is_ok()
    }
}
