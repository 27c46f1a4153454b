//! moka: a general cache, whose only entry is the header.

use std::{sync::Arc, time::Duration};

use enkash_auth_benches::issuer::Issuer;
use http::HeaderValue;
use moka::future::Cache;
use tower::BoxError;

use crate::peer::{Cold, Peer, bearer, warmed};

#[derive(Clone, Debug)]
pub(crate) struct Moka {
    issuer: Issuer,
    headers: Cache<(), HeaderValue>,
}

impl Peer for Moka {
    const NAME: &'static str = "moka";

    async fn warm() -> Result<Self, BoxError> {
        warmed().await
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let fetch = async { bearer(&self.issuer.token().await.ok_or("no token")?) };
        let header = self.headers.try_get_with((), fetch).await;
        header.map_err(|error: Arc<BoxError>| error.to_string().into())
    }
}

impl Cold for Moka {
    fn cold(issuer: &Issuer) -> Result<Self, BoxError> {
        let headers = Cache::builder()
            .max_capacity(1)
            .time_to_live(Duration::from_secs(3600))
            .build();
        let issuer = issuer.clone();
        Ok(Self { issuer, headers })
    }
}
