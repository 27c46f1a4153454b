use enkash_auth_core::Origin;

use super::{Classifiers, EnkashProfile, Target};
use crate::{
    Error, ErrorKind,
    cache::{Shared, TokenCache},
    call_headers::CallHeaders,
    sync::Arc,
};

/// Holds what all services of one layer share, in one allocation: cloning a service touches one count.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) shared: Arc<Shared>,
    /// What looks at responses beside their challenges.
    pub(super) classifiers: Classifiers,
    pub(super) headers: CallHeaders,
    /// The origin of the token server.
    origin: Origin,
    /// The other allowed origins.
    others: Vec<Origin>,
    /// Whether a request without an origin is assumed to go to an allowed one.
    pub(super) assume_origin: bool,
}

impl Rules {
    pub fn new(tokens: &TokenCache) -> Self {
        let shared = tokens.shared();
        let mut classifiers = Classifiers::default();
        if shared.endpoint().credentials().is_merchant() {
            classifiers.add(EnkashProfile);
        }
        Self {
            headers: shared.call_headers().clone(),
            shared: Arc::clone(shared),
            classifiers,
            origin: tokens.origin().clone(),
            others: Vec::new(),
            assume_origin: false,
        }
    }

    /// Returns whether a call carries a plain `Authorization`, and its response is not looked at unless it is a 401.
    pub fn are_plain(&self) -> bool {
        let has_access_key = self.shared.endpoint().access_key().is_some();
        self.classifiers.is_empty() && self.headers.are_plain(has_access_key)
    }

    /// Returns whether a request to `target` may see the token.
    // Always: out of line, it is a fifth of what a call with a cached token costs.
    #[inline(always)]
    pub fn allow(&self, target: Target<'_>) -> bool {
        target.is_at(&self.origin) || self.allow_besides(target)
    }

    #[inline(never)]
    fn allow_besides(&self, target: Target<'_>) -> bool {
        self.others.iter().any(|origin| target.is_at(origin))
            || self.assume_origin && target.is_path()
    }

    /// Allows `origin` to see the token, too.
    pub fn allow_origin(&mut self, origin: Origin) {
        self.others.push(origin);
    }

    #[cold]
    pub fn declined(target: Target<'_>) -> Error {
        let origin = target.origin();
        let origin = origin.as_deref().unwrap_or("a request without an origin");
        let detail = format!("{origin}; the layer fetches the token");
        Error::new(ErrorKind::TokenRequest, detail)
    }

    #[cold]
    pub fn blocked(target: Target<'_>) -> Error {
        let detail = match target.origin() {
            Some(origin) => format!("{origin}; see EnkashAuthLayer::allow_origin"),
            None => "the request names none; see EnkashAuthLayer::assume_origin".to_owned(),
        };
        Error::new(ErrorKind::ForeignOrigin, detail)
    }
}
