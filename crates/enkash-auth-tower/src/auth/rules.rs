use enkash_auth_core::{Error, ErrorKind, Origin};

use super::Target;
use crate::{cache::Shared, cache::TokenCache, sync::Arc};

/// What all services of one layer share: one allocation, so that cloning a service touches one
/// count.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) shared: Arc<Shared>,
    pub(super) origins: Vec<Origin>,
    /// Whether a request that does not say where it goes is taken to go to one of the origins.
    pub(super) assume_origin: bool,
}

impl Rules {
    pub(super) fn new(tokens: &TokenCache) -> Self {
        Self {
            shared: Arc::clone(tokens.shared()),
            origins: vec![tokens.origin().clone()],
            assume_origin: false,
        }
    }

    /// Whether a request to `target` may see the token.
    pub(super) fn allow(&self, target: Target<'_>) -> bool {
        if self.assume_origin && target.is_path() {
            return true;
        }
        self.origins.iter().any(|origin| target.is_at(origin))
    }

    #[cold]
    pub(super) fn refusal(target: Target<'_>) -> Error {
        let detail = match target.origin() {
            Some(origin) => format!("{origin}; see EnkashAuthLayer::allow_origin"),
            None => "the request names none; see EnkashAuthLayer::assume_origin".to_owned(),
        };
        Error::new(ErrorKind::ForeignOrigin, detail)
    }
}
