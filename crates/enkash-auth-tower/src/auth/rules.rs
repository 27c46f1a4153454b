use enkash_auth_core::{Error, ErrorKind, Origin};
use http::Uri;

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

    /// Whether a request to `uri` may see the token.
    pub(super) fn allow(&self, uri: &Uri) -> bool {
        match uri.authority() {
            None => self.assume_origin && uri.scheme().is_none(),
            Some(_) => self.origins.iter().any(|origin| origin.matches(uri)),
        }
    }

    #[cold]
    pub(super) fn refusal(uri: &Uri) -> Error {
        let detail = match (uri.scheme_str(), uri.host()) {
            (Some(scheme), Some(host)) => {
                format!("{scheme}://{host}; see EnkashAuthLayer::allow_origin")
            }
            _ => "the request names none; see EnkashAuthLayer::assume_origin".to_owned(),
        };
        Error::new(ErrorKind::ForeignOrigin, detail)
    }
}
