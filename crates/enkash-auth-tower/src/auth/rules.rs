use enkash_auth_core::Origin;

use super::{Classifiers, EnkashProfile, Head, Target};
use crate::{Error, ErrorKind, cache::Common, call_headers::CallHeaders, time::Time};

/// Holds what all services of one layer share.
#[derive(Clone, Debug)]
pub struct Rules<A> {
    /// Whose token a call carries.
    pub(super) account: A,
    pub(super) calls: CallRules,
    pub(super) clock: Time,
    /// The origin of the token server.
    origin: Origin,
    /// The other allowed origins.
    others: Vec<Origin>,
    /// Whether a request without an origin is assumed to go to an allowed one.
    pub(super) assume_origin: bool,
}

/// Holds what calls carry beside a token, and how their responses are judged.
#[derive(Clone, Debug)]
pub struct CallRules {
    /// What looks at responses beside their challenges.
    pub(super) classifiers: Classifiers,
    pub(super) headers: CallHeaders,
    has_access_key: bool,
}

impl<A> Rules<A> {
    /// Creates the rules for accounts of the server in `common`.
    pub fn new(account: A, common: &Common) -> Self {
        let mut classifiers = Classifiers::default();
        let has_access_key = common.server().is_for_merchants();
        if has_access_key {
            classifiers.add(EnkashProfile);
        }
        Self {
            account,
            calls: CallRules {
                classifiers,
                headers: common.call_headers().clone(),
                has_access_key,
            },
            clock: common.clock().clone(),
            origin: common.server().base_url().origin().clone(),
            others: Vec::new(),
            assume_origin: false,
        }
    }

    /// Returns the rules of calls, to be changed.
    pub fn calls_mut(&mut self) -> &mut CallRules {
        &mut self.calls
    }

    /// Returns whether `request` may see the token.
    // Always: out of line, it is a fifth of what a call with a cached token costs.
    #[inline(always)]
    pub fn allow(&self, request: &impl Head) -> bool {
        request.target().is_at(&self.origin) || self.allow_besides(request.target())
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
}

impl CallRules {
    /// Returns whether a call carries a plain `Authorization`, and its response is not looked at unless it is a 401.
    pub fn are_plain(&self) -> bool {
        self.classifiers.is_empty() && self.headers.are_plain(self.has_access_key)
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
