//! The credentials of a user, whose token server can be any address; and its headers.

use std::time::Duration;

use enkash_auth_benches::{
    hot::{Factory, kept},
    issuer::Issuer,
    storm::Cache,
};
use google_cloud_auth::credentials::{CacheableResource, Credentials, user_account};
use http::{Extensions, HeaderValue, header::AUTHORIZATION};
use serde_json::json;
use tower::BoxError;

use crate::{
    service::{Awaiting, block_on},
    token_server,
};

#[derive(Clone, Debug)]
pub(crate) struct Google(Credentials);

impl Google {
    async fn header(&self) -> Result<HeaderValue, BoxError> {
        match self.0.headers(Extensions::new()).await? {
            CacheableResource::New { mut data, .. } => {
                Ok(data.remove(AUTHORIZATION).ok_or("no header")?)
            }
            CacheableResource::NotModified => Err("asked for what is known".into()),
        }
    }
}

impl Cache for Google {
    const NAME: &'static str = "google-cloud-auth";

    #[expect(
        clippy::expect_used,
        reason = "a constant, and a socket of the loopback"
    )]
    fn cold(issuer: &Issuer) -> Self {
        let user = json!({
            "type": "authorized_user",
            "client_id": "client-id",
            "client_secret": "client-secret",
            "refresh_token": "refresh-token",
        });
        let server = token_server::serve(issuer.clone()).expect("a socket");
        let credentials = user_account::Builder::new(user)
            .with_token_uri(server)
            .build();
        Self(credentials.expect("credentials"))
    }

    async fn ask(&self) -> bool {
        self.header().await.is_ok()
    }
}

pub(crate) fn factory() -> Factory {
    let cache = Google::cold(&Issuer::granting(Duration::ZERO));
    block_on(cache.ask());
    Box::new(move || {
        let cache = cache.clone();
        kept(Awaiting(move || {
            let cache = cache.clone();
            async move { cache.header().await }
        }))
    })
}
