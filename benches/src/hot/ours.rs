//! Our layer, in its usual configurations.

use std::{sync::Arc, time::Duration};

use enkash_auth_tower::{EnkashAuthLayer, ReplayPolicy};
use tower::{Layer, util::BoxCloneSyncService};

use super::{Bare, Factory, composed};
use crate::issuer::Issuer;

/// Creates a layer whose cache holds a token.
fn warm() -> EnkashAuthLayer {
    EnkashAuthLayer::new(Issuer::granting(Duration::ZERO).warm_cache())
}

pub(super) fn kept() -> Factory {
    let service = warm().layer(Bare);
    Box::new(move || super::kept(service.clone()))
}

pub(super) fn cloned() -> Factory {
    let service = Arc::new(warm().layer(Bare));
    Box::new(move || super::cloned(Arc::clone(&service)))
}

pub(super) fn replay() -> Factory {
    let service = warm().replay(ReplayPolicy::default()).layer(Bare);
    Box::new(move || super::kept(service.clone()))
}

pub(super) fn boxed() -> Factory {
    let service = BoxCloneSyncService::new(warm().layer(Bare));
    Box::new(move || super::kept(service.clone()))
}

pub(super) fn composed() -> Factory {
    let service = composed::around(warm().layer(Bare));
    Box::new(move || super::kept(service.clone()))
}
