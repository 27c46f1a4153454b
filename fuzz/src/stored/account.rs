use std::convert::Infallible;

use bytes::Bytes;
use enkash_auth_tower::{
    Principal, TokenEndpoint,
    core::{Credentials, Environment},
};
use http::{Request, Response};
use http_body_util::Full;
use tower::service_fn;

/// Under which the fingerprints in a record are made.
pub(super) const SALT: [u8; 32] = [7; 32];

/// Whose record and token it is.
pub(super) struct Account {
    pub(super) credentials: Credentials,
    pub(super) principal: Principal,
    /// The same account, with another password.
    pub(super) other: Principal,
    pub(super) id: String,
    pub(super) fingerprint: String,
}

thread_local! {
    static ACCOUNT: Account = Account::new();
}

impl Account {
    pub(super) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        ACCOUNT.with(work)
    }

    /// What its token is filed under.
    pub(super) fn short(&self) -> &str {
        &self.fingerprint[..16]
    }

    fn new() -> Self {
        let credentials = Credentials::merchant("access-key", "secret-key");
        let principal = principal(&credentials);
        Self {
            id: format!("{:x}", principal.account()),
            fingerprint: format!("{:x}", principal.ledger_fingerprint(&SALT)),
            other: self::principal(&Credentials::merchant("access-key", "another")),
            credentials,
            principal,
        }
    }
}

fn principal(credentials: &Credentials) -> Principal {
    let service = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let endpoint = TokenEndpoint::with_service(Environment::Test, credentials.clone(), service);
    endpoint.expect("they can be sent").principal().clone()
}
