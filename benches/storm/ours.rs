use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{TokenCache, TokenEndpoint};
use tower::service_fn;

use crate::{Cache, issuer::Issuer};

#[derive(Clone)]
pub(crate) struct Ours(TokenCache);

impl Cache for Ours {
    #[expect(clippy::expect_used, reason = "fixed settings, known to be good")]
    fn cold(issuer: &Issuer) -> Self {
        let credentials = Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new("user@example.com", "password"),
        );
        let issuer = issuer.clone();
        let service = service_fn(move |_| issuer.clone().answer());
        let endpoint = TokenEndpoint::with_service(Environment::Test, credentials, service)
            .expect("settings that can be sent");
        Self(TokenCache::new(endpoint))
    }

    async fn ask(self) -> bool {
        self.0.token().await.is_ok()
    }
}
