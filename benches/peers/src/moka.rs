//! A cache with one entry, which is a header; whoever finds none fetches it for all.

use std::time::Duration;

use enkash_auth_benches::{
    hot::{Factory, kept},
    issuer::Issuer,
    storm::Cache,
};
use http::HeaderValue;
use tower::BoxError;

use crate::service::{Awaiting, bearer, block_on};

#[derive(Clone, Debug)]
pub(crate) struct Moka {
    entries: moka::future::Cache<(), HeaderValue>,
    issuer: Issuer,
}

impl Moka {
    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let fetch = async {
            let token = self.issuer.token().await.ok_or("not now")?;
            bearer(&token)
        };
        let header = self.entries.try_get_with((), fetch).await;
        header.map_err(|error| error.to_string().into())
    }
}

impl Cache for Moka {
    const NAME: &'static str = "moka";

    fn cold(issuer: &Issuer) -> Self {
        let entries = moka::future::Cache::builder().max_capacity(1);
        Self {
            entries: entries.time_to_live(Duration::from_secs(3600)).build(),
            issuer: issuer.clone(),
        }
    }

    async fn ask(&self) -> bool {
        self.header().await.is_ok()
    }
}

pub(crate) fn factory() -> Factory {
    let cache = Moka::cold(&Issuer::granting(Duration::ZERO));
    block_on(cache.ask());
    Box::new(move || {
        let cache = cache.clone();
        kept(Awaiting(move || {
            let cache = cache.clone();
            async move { cache.header().await }
        }))
    })
}
