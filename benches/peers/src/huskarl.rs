//! huskarl: its cache over its client-credentials grant, over an in-memory transport.

use std::sync::Arc;

use enkash_auth_benches::issuer::Issuer;
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use huskarl::{
    cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource},
    core::{
        Error,
        client_auth::ClientSecret,
        http::{HttpClient, HttpResponse, Idempotency},
        platform::MaybeSendBoxFuture,
        secrets::ProvidedSecret,
    },
    grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters},
};
use hyper::body::Bytes;
use tower::BoxError;

use crate::peer::{Cold, Peer, warmed};

type Tokens =
    InMemoryTokenCache<GrantTokenSource<ClientCredentialsGrant, InMemoryRefreshTokenStore>>;

#[derive(Clone, Debug)]
pub(crate) struct Huskarl(Arc<Tokens>);

impl Peer for Huskarl {
    const NAME: &'static str = "huskarl";

    async fn warm() -> Result<Self, BoxError> {
        warmed().await
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let token = self.0.token().await?;
        let mut header = token.access_token().expose_header_value()?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl Cold for Huskarl {
    fn cold(issuer: &Issuer) -> Result<Self, BoxError> {
        let grant = ClientCredentialsGrant::builder()
            .client_id("client-id")
            .client_auth(ClientSecret::new(ProvidedSecret::new(
                "client-secret".into(),
            )))
            .http_client(InMemory(issuer.clone()))
            .token_endpoint("https://issuer.example/token".parse()?)
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = InMemoryTokenCache::builder().source(source).build();
        Ok(Self(Arc::new(cache)))
    }
}

/// The issuer instead of a network.
struct InMemory(Issuer);

impl HttpClient for InMemory {
    fn execute(
        &self,
        _: Request<Bytes>,
        _: Idempotency,
    ) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        Box::pin(async {
            let Ok(response) = self.0.clone().answer().await;
            let (parts, body) = response.into_parts();
            let Ok(body) = body.collect().await;
            Ok(HttpResponse {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes(),
            })
        })
    }
}
