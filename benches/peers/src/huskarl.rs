//! Its cache in memory over the grant of client credentials, and its headers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use enkash_auth_benches::{
    hot::{Factory, kept},
    issuer::Issuer,
    request::URI,
    storm::Cache,
};
use http::{HeaderValue, Method, Request, Uri, header::AUTHORIZATION};
use http_body_util::BodyExt;
use huskarl::{
    authorizer::HttpAuthorizer,
    cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache},
    core::{
        Error,
        client_auth::ClientSecret,
        http::{HttpClient, HttpResponse, Idempotency},
        platform::MaybeSendBoxFuture,
        secrets::{ProvidedSecret, SecretString},
    },
    grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters},
};
use tower::BoxError;

use crate::service::{Awaiting, block_on};

struct Client(Issuer);

impl HttpClient for Client {
    fn execute(
        &self,
        _: Request<Bytes>,
        _: Idempotency,
    ) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        Box::pin(async {
            let Ok(answer) = self.0.clone().answer().await;
            let (head, body) = answer.into_parts();
            let Ok(body) = body.collect().await;
            Ok(HttpResponse {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        })
    }
}

#[derive(Clone)]
pub(crate) struct Huskarl(Arc<HttpAuthorizer>, Uri);

impl Huskarl {
    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let mut headers = self.0.get_headers(&Method::POST, &self.1).await?;
        Ok(headers.remove(AUTHORIZATION).ok_or("no header")?)
    }
}

impl Cache for Huskarl {
    const NAME: &'static str = "huskarl";

    #[expect(clippy::expect_used, reason = "constants, known to be good")]
    fn cold(issuer: &Issuer) -> Self {
        let secret = ProvidedSecret::new(SecretString::new("client-secret"));
        let grant = ClientCredentialsGrant::builder()
            .client_id("client-id")
            .client_auth(ClientSecret::new(secret))
            .http_client(Client(issuer.clone()))
            .token_endpoint("https://localhost/token".parse().expect("an address"))
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = InMemoryTokenCache::builder().source(source).build();
        let authorizer = HttpAuthorizer::builder().cache(cache).build();
        Self(Arc::new(authorizer), URI.parse().expect("an address"))
    }

    async fn ask(&self) -> bool {
        self.header().await.is_ok()
    }
}

pub(crate) fn factory() -> Factory {
    let cache = Huskarl::cold(&Issuer::granting(Duration::ZERO));
    block_on(cache.ask());
    Box::new(move || {
        let cache = cache.clone();
        kept(Awaiting(move || {
            let cache = cache.clone();
            async move { cache.header().await }
        }))
    })
}
